package why

import (
	"fmt"
	"strings"

	"rackhand/provision"
)

// diskGuard finds that an installer refused a disk, by the guard of the shipped Kickstarts or
// the image installer's own, and that no later attempt began.
func diskGuard(s *story) *finding {
	e := latest(s.events, "installer", "disk-guard", "disk-refused")
	if e == nil || latest(s.after(e), "http", provision.KindAttempt) != nil || reachedIn(s.after(e)).Rank() >= provision.Packages.Rank() {
		return nil
	}
	f := &finding{since: e.Counted, evidence: []provision.Event{*e}}
	disk, found, keep, uses := e.Fields["disk"], strings.TrimRight(e.Fields["found"], "; "), e.Fields["keep"], e.Fields["uses"]
	switch {
	case uses != "":
		f.causes = cause(fmt.Sprintf("Disk %s is in use in the installer: %s. Nothing was written.", disk, uses))
		f.remedy = provision.Remedy{Text: "Let the Kickstart's %pre stop or unmount what it started, then arm the install again.", Command: s.in.Again()}
	case disk == "" || found == "":
		f.causes = cause(sentence(e.Message))
		f.remedy = provision.Remedy{Text: "Look at the box's disks and at `disk` or `disks` in the inventory, then arm the install again.", Command: s.in.Again()}
	case keep != "":
		f.causes = cause(fmt.Sprintf("%s The Kickstart has %q, which clears no whole disk, so --wipe alone changes nothing.", carries(disk, found), keep))
		f.remedy = provision.Remedy{Text: "If nothing on it is needed, write `clearpart --all` into the Kickstart and erase it.", Command: "rackhand install " + s.name() + " --wipe"}
	default:
		f.causes = cause(carries(disk, found) + " The install was not armed with --wipe, so nothing was written.")
		f.remedy = provision.Remedy{Text: "If nothing on it is needed, erase it.", Command: "rackhand install " + s.name() + " --wipe"}
	}
	if w := latest(s.events, "http", "no-wipe"); w != nil {
		f.causes[0].Text += " --wipe was given for another box of this name."
		f.evidence = append([]provision.Event{*w}, f.evidence...)
	}
	return f
}

// carries says what disks carry. The guard of the Kickstarts lists several disks, each with
// its name: "/dev/sda: gpt; /dev/sdb: xfs".
func carries(disk, found string) string {
	names := strings.Fields(disk)
	if !strings.Contains(found, "/dev/") || len(names) == 0 {
		return fmt.Sprintf("Disk %s carries data: %s.", disk, found)
	}
	if len(names) == 1 {
		return fmt.Sprintf("Disk %s carries data: %s.", disk, strings.TrimSpace(strings.TrimPrefix(found, "/dev/"+disk+":")))
	}
	return fmt.Sprintf("The disks %s carry data: %s.", strings.Join(names, ", "), found)
}
