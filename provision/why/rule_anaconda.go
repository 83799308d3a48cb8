package why

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// Words of Anaconda, dnf and Python, as they stand in Anaconda's log (pyanaconda/kickstart.py,
// modules/payloads/payload/dnf; librepo; libdnf5). None of them is translated.
var (
	mirrorDead  = regexp.MustCompile(`(?i)Failed to download|Cannot download|Error downloading packages|all mirrors were (?:already )?tried|No more mirrors to try|Curl error \(|the repository \S+: HTTP \d+`)
	scriptError = regexp.MustCompile(`Error code (\S+) running the kickstart script at line (\d+)`)
	exception   = regexp.MustCompile(`(?:^|\s)[A-Za-z_][\w.]*(?:Error|Exception)(?::|$)`)
)

const traceback = "Traceback (most recent call last)"

// tailTime is how long after a failure the end of its log may take to be there.
const tailTime = 10 * time.Second

// anaconda finds in Anaconda's log why it failed, or stands.
func anaconda(s *story) *finding {
	if s.host != nil && s.host.System != nil && s.host.System.Installer != inventory.InstallerAnaconda {
		return nil
	}
	failed := s.standing(func(e provision.Event) bool { return is(e, "installer", provision.KindAttemptFailed) })
	tail := s.standingTail(failed)
	if failed == nil && tail == nil || failed == nil && s.failedByBox() {
		return nil
	}
	if failed != nil && (tail == nil || tail.Seq < failed.Seq) && !s.in.Stage.Ended() && s.now.Sub(failed.Counted) < tailTime {
		return nil
	}
	f := &finding{remedy: provision.Remedy{Text: "Read its log.", Command: "rackhand log " + s.name()}}
	said := ""
	if tail != nil {
		f.evidence = append(f.evidence, *tail)
		said = readTail(tail.Message, failed != nil, f)
	}
	if failed != nil {
		f.evidence = append(f.evidence, *failed)
		slices.SortFunc(f.evidence, func(a, b provision.Event) int { return int(a.Seq) - int(b.Seq) })
	}
	switch {
	case failed == nil && f.causes == nil:
		return nil // silent, and its log doesn't say why
	case f.causes == nil:
		text := sentence(failed.Message)
		if said != "" {
			text += " Its last line: " + endSentence(said)
		}
		f.causes = cause(text)
	}
	if failed != nil && !s.in.Stage.Ended() && len(s.after(failed)) > 0 && latest(s.after(failed), "http", provision.KindAttempt) != nil {
		f.causes[0].Text += fmt.Sprintf(" That was an earlier attempt; attempt %d of %d is under way.", s.in.Attempts, s.in.Budget.Attempts)
	} else if failed != nil && !s.in.Stage.Ended() {
		f.causes[0].Text += fmt.Sprintf(" It waits three minutes at most, and boots for attempt %d of %d.", s.in.Attempts+1, s.in.Budget.Attempts)
	}
	if s.in.Stage.Ended() {
		f.remedy = provision.Remedy{Text: f.remedy.Text + " Its log: `" + f.remedy.Command + "`. Then arm it again.", Command: s.in.Again()}
	}
	return f
}

// standingTail is the end of the log that belongs to a failure; without one, the latest end of
// the log after which the installer said nothing more. nil if there is no such end.
func (s *story) standingTail(failed *provision.Event) *provision.Event {
	if failed != nil {
		for _, e := range s.after(failed) {
			if e.Kind == provision.KindLogTail {
				return &e
			}
			if e.Kind == provision.KindAttempt {
				break
			}
		}
	}
	for i := len(s.events) - 1; i >= 0; i-- {
		e := &s.events[i]
		switch {
		case e.Kind == provision.KindLogTail:
			return e
		case failed == nil && (e.Source == "installer" || e.Source == "syslog"), e.Kind == provision.KindAttempt:
			return nil
		}
	}
	return nil
}

// readTail fills in the cause and the remedy that the end of a log names, and returns its last
// line. gaveUp: the installer has given up, so it doesn't wait at a dialog.
func readTail(text string, gaveUp bool, f *finding) (last string) {
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "#012", "\n"), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, short(withoutTime(line)))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	last = lines[len(lines)-1]
	if i := slices.IndexFunc(lines, mirrorDead.MatchString); i >= 0 {
		f.causes = cause("A package source does not answer Anaconda, or lacks a file: " + endSentence(lines[i]))
		f.remedy.Text = "Look whether that address answers on the appliance, and at `rackhand mirror list` when it is a mirror of rackhand's."
		return last
	}
	for _, line := range lines {
		if m := scriptError.FindStringSubmatch(line); m != nil {
			f.causes = cause(fmt.Sprintf("The script at line %s of the Kickstart failed with status %s.", m[2], m[1]))
			f.remedy.Text = "Mend that script. Its own words are in the log or on the console."
			if !gaveUp {
				f.causes[0].Text += " With --erroronfail Anaconda opens a dialog on its console that waits for ENTER, and nothing reboots."
				f.remedy.Text = "Mend that script, and press ENTER on the console or restart the box."
			}
			return last
		}
	}
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, traceback) }); i >= 0 {
		at := last
		for _, line := range lines[i+1:] {
			if exception.MatchString(line) {
				at = line
				break
			}
		}
		f.causes = cause("Anaconda has crashed (traceback): " + endSentence(at))
		f.remedy.Text = "Compare that with the Kickstart."
	}
	return last
}

// withoutTime takes the time off a line of a log.
func withoutTime(line string) string {
	if when, rest, ok := strings.Cut(line, " "); ok && len(when) >= 20 && when[4] == '-' && when[10] == 'T' {
		return rest
	}
	return line
}

// short cuts a line.
func short(line string) string {
	const most = 300
	if len(line) > most {
		return strings.ToValidUTF8(line[:most], "") + "…"
	}
	return line
}
