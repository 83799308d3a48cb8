package why

import (
	"fmt"
	"time"

	"rackhand/provision"
)

// heardLately is how long a box may be silent while it works.
const heardLately = time.Minute

const (
	// atWork is how long an installer may be silent while it writes the system: the scripts of
	// one package may take minutes.
	atWork = 5 * time.Minute
	// jobAtWork is more than the time between two reports of a job: half an hour in a rescue,
	// 20 minutes when disks are erased or tested for hours.
	jobAtWork = 45 * time.Minute
	// runAtWork is how long the agent's first run may take: it reports at its end only.
	runAtWork = 40 * time.Minute
	// initrdTime is how long an initrd may be on its way: 150 MB over TFTP in blocks of 1 KiB
	// take 12 minutes where an answer takes 5 ms.
	initrdTime = 15 * time.Minute
)

// maySilent is how long a box may be silent at its place.
func (s *story) maySilent() time.Duration {
	switch {
	case s.place == provision.Installer && s.in.Job != provision.NoJob:
		return jobAtWork
	case s.place == provision.Installer, s.place == provision.Packages:
		return atWork
	case s.place == provision.Kernel && s.initrdToCome():
		return initrdTime
	case s.place == provision.Converging:
		return max(runAtWork, s.times.of(s.place))
	}
	return heardLately
}

// initrdToCome reports whether the last thing that the box did was to fetch its kernel.
func (s *story) initrdToCome() bool {
	return s.last != nil && isInitrd(*s.last) && isKernelAlone(*s.last)
}

// quiet is how long the box has been silent; lines of its installer's log count, too.
func (s *story) quiet() time.Duration {
	at := s.stopped()
	if heard := s.in.InstallerHeard; heard.After(at) && (s.place == provision.Installer || s.place == provision.Packages) {
		at = heard
	}
	return s.now.Sub(s.waitedFrom(at))
}

// silent finds that a box has been at one place for longer than expected, and no other rule
// knows why.
func silent(s *story) *finding {
	if s.place == provision.Requested || !s.overdue() {
		return nil
	}
	if s.place.Rank() <= provision.Bootfile.Rank() && !s.hadTime() {
		return nil
	}
	// A slow installer that reports its progress is not silent, nor firmware that begins to ask
	// after a long self-test.
	if s.quiet() < s.maySilent() {
		return nil
	}
	f := &finding{
		causes: cause(fmt.Sprintf("The box stopped at %s, and nothing on record says why.", s.place)),
		remedy: provision.Remedy{Text: "Look at the box's console."},
	}
	if s.last != nil {
		f.evidence = append(f.evidence, *s.last)
	}
	if s.initrdToCome() {
		f.causes = []provision.Cause{
			{Text: "The box has fetched its kernel, and not its whole initrd: the link is slow or loses packets.", Decider: "If its console still counts bytes, it is the link."},
			{Text: "The boot loader hangs at the initrd.", Decider: "If its console stands still, it is the boot loader or the box's memory."},
		}
	}
	if s.console(f) {
		return f
	}
	if tail := s.standingTail(nil); tail != nil {
		if last := readTail(tail.Message, false, &finding{}); last != "" {
			f.causes = cause(fmt.Sprintf("The box stopped at %s. The last line of its installer's log: %s", s.place, endSentence(last)))
			f.evidence = append(f.evidence, *tail)
			f.remedy = provision.Remedy{Text: "Look at the box's console, where a dialog may wait, and read its log.", Command: "rackhand log " + s.name()}
		}
	}
	return f
}

// failed says what the failed install itself gave as its reason.
func failed(s *story) *finding {
	f := &finding{
		causes: cause(s.in.Reason),
		remedy: provision.Remedy{Text: "Mend the cause, then arm it again.", Command: "rackhand install " + s.name()},
	}
	if e := s.failure(); e != nil {
		f.evidence = append(f.evidence, *e)
	}
	return f
}
