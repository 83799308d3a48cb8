package why

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"rackhand/inventory"
	"rackhand/provision"
)

// rebootsNeeded is how often in a row a box has to leave its kernel before that is a pattern.
const rebootsNeeded = 2

// reboots finds that the box reboots again and again out of the installer's kernel, and that
// no installer has reported a failure, nor anyone cut its power.
func reboots(s *story) *finding {
	if s.in.Stage.Rank() >= provision.Installed.Rank() || s.failedByBox() {
		return nil
	}
	var ran []time.Duration // how long the kernel ran, the latest last
	var evidence []provision.Event
	furthest := provision.Kernel
	for i := 0; i+1 < len(s.boots); i++ {
		b, next := &s.boots[i], &s.boots[i+1]
		kernel := b.kernel()
		if kernel == nil || next.power != nil || b.failed() {
			ran, evidence, furthest = nil, nil, provision.Kernel
			continue
		}
		ran = append(ran, next.began.Sub(kernel.Counted))
		evidence = append(evidence, *kernel, next.events[0])
		if b.reached.Rank() > furthest.Rank() {
			furthest = b.reached
		}
	}
	// The present boot may have got further than those before it.
	if len(ran) < rebootsNeeded || s.boot().reached.Rank() > furthest.Rank() {
		return nil
	}
	out := "its kernel"
	if furthest != provision.Kernel {
		out = fmt.Sprintf("the installer, at %s", furthest)
	}
	f := &finding{since: s.boot().began, evidence: evidence, remedy: provision.Remedy{Text: "Watch its console until it reboots."}}
	if line, tail := s.panicked(evidence[0].Counted); tail != nil {
		f.causes = cause(fmt.Sprintf("The box has rebooted %d times out of %s: its kernel panics. Its console says: %s", len(ran), out, endSentence(line)))
		f.evidence = append(f.evidence, *tail)
		f.remedy.Text = "Read the lines before it on the console: they name the driver, the disk or the memory."
		return f
	}
	least, most := ran[0], ran[0]
	for _, d := range ran {
		least, most = min(least, d), max(most, d)
	}
	if most-least <= max(15*time.Second, most/4) {
		after := fmt.Sprintf("The box has rebooted %d times out of %s, each time after about %s", len(ran), out, provision.Span(most))
		f.causes = []provision.Cause{
			{Text: after + ": its kernel panics, at a driver, the memory or the initrd.", Decider: "If the console shows a panic, its first lines name the driver."},
			{Text: "A watchdog of the BMC or the board resets it.", Decider: "If the screen goes black in the middle of a line, it is the watchdog: look at the BMC's event log."},
		}
		if h := s.host; furthest == provision.Kernel && h != nil && h.System != nil && h.System.Installer == inventory.InstallerAnaconda {
			f.causes = append(f.causes, provision.Cause{
				Text: "Its initramfs could not fetch its answer file or second stage, and restarts the box for it.", Decider: "If the console shows dracut's errors before the reboot, it is that: look at the driver and the VLAN of its card.",
			})
		}
		return f
	}
	f.causes = []provision.Cause{
		{Text: fmt.Sprintf("The box has rebooted %d times out of %s, after %s to %s: its memory or its power supply is bad.", len(ran), out, provision.Span(least), provision.Span(most)), Decider: "If the BMC's event log has errors of memory (ECC) or power, it is that one."},
		{Text: "Its kernel panics.", Decider: "If the console shows a panic, its first lines name the driver."},
	}
	if s.in.Stage.Ended() {
		f.remedy = provision.Remedy{Text: "Try its memory, and look at the BMC's event log.", Command: "rackhand burnin " + s.name()}
	}
	return f
}

// kernel is the last event by which a boot came to its kernel; nil: it did not.
func (b *boot) kernel() (last *provision.Event) {
	for i, e := range b.events {
		if e.Stage == provision.Kernel {
			last = &b.events[i]
		}
	}
	return last
}

// failed reports whether the installer of a boot said that it failed.
func (b *boot) failed() bool {
	for _, e := range b.events {
		if e.Source == "installer" && (e.Kind == provision.KindAttemptFailed || e.Stage == provision.Failed || e.Level == provision.LevelError) {
			return true
		}
	}
	return false
}

// panicLine is a line by which a kernel says that it can't go on, or that its hardware fails.
var panicLine = regexp.MustCompile(`(?i)kernel panic - not syncing|Oops: |BUG: unable to handle|general protection fault|\[Hardware Error\]|System is deadlocked on memory|Unable to mount root fs`)

// panicked finds the line of a panic in the latest end of the console that was kept since a
// time, with the event; "" and nil without one. A panic itself counts before what led to it.
func (s *story) panicked(since time.Time) (string, *provision.Event) {
	tail := latest(s.events, "bmc", provision.KindConsoleTail)
	if tail == nil || tail.Counted.Before(since) {
		return "", nil
	}
	found := ""
	for _, line := range consoleLines(tail.Message) {
		if panicLine.MatchString(line) && (found == "" || strings.Contains(strings.ToLower(line), "kernel panic")) {
			found = line
		}
	}
	if found == "" {
		return "", nil
	}
	return found, tail
}

// kernelTime is the time at the beginning of a kernel's line: [   12.345678].
var kernelTime = regexp.MustCompile(`^\[ *[0-9]+\.[0-9]+\] *`)

// consoleLines are the lines of a console without control characters, sequences of a terminal
// and the kernel's times.
func consoleLines(text string) (lines []string) {
	text = strings.NewReplacer("#012", "\n", "\r", "\n").Replace(terminalSequence.ReplaceAllString(text, ""))
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return r
			}
			return -1
		}, line)
		if line = kernelTime.ReplaceAllString(strings.TrimSpace(line), ""); line != "" {
			lines = append(lines, short(line))
		}
	}
	return lines
}

// terminalSequence is a control sequence of a terminal (ECMA-48 §5.4).
var terminalSequence = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")

// console adds what the end of the console says, kept since the box was heard last: a panic is
// the cause, and another last line is told. It reports whether it is a panic.
func (s *story) console(f *finding) bool {
	since := s.in.Requested
	if s.last != nil {
		since = s.last.Counted
	}
	if line, tail := s.panicked(since); tail != nil {
		f.causes = cause("Its kernel panics. Its console says: " + endSentence(line))
		f.evidence = append(f.evidence, *tail)
		f.remedy = provision.Remedy{Text: "Read the lines before it on the console: they name the driver, the disk or the memory."}
		return true
	}
	tail := latest(s.events, "bmc", provision.KindConsoleTail)
	if tail == nil || tail.Counted.Before(since) {
		return false
	}
	if lines := consoleLines(tail.Message); len(lines) > 0 {
		f.evidence = append(f.evidence, *tail)
		f.remedy.Text += " The console's last line is: " + endSentence(lines[len(lines)-1])
	}
	return false
}
