package why

import (
	"fmt"
	"strings"
	"time"

	"rackhand/provision"
)

// refusedWithin is the time within which firmware asks again for a program that it has
// fetched and refuses to start.
const refusedWithin = 15 * time.Second

// secureBoot finds that firmware, or shim, refuses a program that it has fetched.
func secureBoot(s *story) *finding {
	boots := s.booting()
	if len(boots) == 0 || boots[len(boots)-1].reached.Rank() > provision.Bootfile.Rank() {
		return nil
	}
	f := &finding{}
	file := ""
	for i, b := range boots {
		fetch, after, ok := b.after(isProgram)
		switch {
		case b.reached.Rank() > provision.Bootfile.Rank():
			f.evidence = nil // signed enough to ask for its script
			continue
		case !ok:
			continue
		case isMokManager(fileOf(fetch)):
			f.evidence = append(f.evidence, fetch)
		case i+1 < len(boots) && len(after) == 0 && boots[i+1].power == nil && isEFI(fileOf(fetch)):
			again, ok := boots[i+1].firmware()
			if !ok || again.Counted.Sub(fetch.Counted) > refusedWithin {
				continue
			}
			f.evidence = append(f.evidence, fetch, again)
		default:
			continue
		}
		file = fileOf(fetch)
	}
	if len(f.evidence) == 0 || !s.waited(s.started(boots), 0) {
		return nil
	}
	f.since, f.evidence = f.evidence[0].Counted, firstAndLast(f.evidence)
	switch {
	case isMokManager(file):
		f.causes = cause(fmt.Sprintf("shim refuses the next program and asked for %s: its signature is not trusted, or was revoked.", file))
		f.remedy = provision.Remedy{Text: "Update the signed boot programs on the appliance.", Command: "apt-get install --only-upgrade shim-signed grub-efi-amd64-signed"}
	case s.host != nil && s.host.Boot.SecureBoot:
		f.causes = cause(fmt.Sprintf("Secure Boot refuses %s: the firmware does not trust Microsoft's third-party UEFI CA, which signed it.", file))
		f.remedy = provision.Remedy{Text: "Allow that CA in the firmware's setup, or switch Secure Boot off there."}
	default:
		f.causes = cause(fmt.Sprintf("Secure Boot refuses %s, which is not signed: the firmware fetched it and asked again at once.", file))
		if file != "snponly.efi" { // which uses the firmware's own driver
			f.causes[0].Decider = "If its console says \"Access Denied\" or \"Security Violation\", it is Secure Boot."
			f.causes = append(f.causes, provision.Cause{
				Text:    fmt.Sprintf("%s has no driver for the box's network card, and gave up at once.", file),
				Decider: "If its console shows the program's name and no network device, it is the driver: take snponly.efi.",
			})
		}
		f.remedy = provision.Remedy{Text: "Give the box signed programs, or switch Secure Boot off in its firmware.", Command: fmt.Sprintf("rackhand set hosts.%s.boot.secure_boot true", s.name())}
	}
	return f
}

// isProgram reports whether an event is the whole fetch of a boot program.
func isProgram(e provision.Event) bool {
	return fetched(e) && e.Stage == provision.Bootfile
}

func isEFI(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".efi") }

// isMokManager reports whether a name is the program that shim starts when it refuses the
// one that it should start.
func isMokManager(name string) bool { return name == "mmx64.efi" || name == "mmaa64.efi" }

// firmware is the first request of firmware itself in a boot, if the boot began with it.
func (b boot) firmware() (provision.Event, bool) {
	for _, e := range b.events {
		if e.ByBox() {
			return e, fromFirmware(e)
		}
	}
	return provision.Event{}, false
}
