package why

import (
	"fmt"

	"rackhand/provision"
)

// held finds that an attempt waits for the operator's release.
func held(s *story) *finding {
	if s.in.Held == nil {
		return nil
	}
	f := &finding{
		causes: cause(fmt.Sprintf("The host has `answer: confirm`, so attempt %d waits until you confirm that the box is %s: %s.", s.in.Held.Attempt, s.name(), s.in.Held)),
		remedy: provision.Remedy{Text: "Compare the box with the inventory, and release it.", Command: "rackhand release " + s.name()},
	}
	if e := latest(s.events, "http", provision.KindHeld); e != nil {
		f.evidence = append(f.evidence, *e)
	}
	return f
}

// question finds that the box may be installed already.
func question(s *story) *finding {
	if s.in.Doubt == "" {
		return nil
	}
	f := &finding{
		causes: cause("The box came back, and it may be installed already: " + s.in.Doubt + "."),
		remedy: provision.Remedy{Text: "Look at the box. If it has no system, reinstall it, which erases its disks.", Command: "rackhand install " + s.name() + " --wipe"},
	}
	if e := latest(s.events, "appliance", provision.KindQuestion); e != nil {
		f.evidence = append(f.evidence, *e)
	}
	return f
}
