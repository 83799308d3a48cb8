package why

import (
	"fmt"
	"strings"

	"rackhand/provision"
)

// initramfsSilent finds that kernel and initrd were fetched, and that their system never
// asked for an address.
func initramfsSilent(s *story) *finding {
	boots := s.alike(provision.Kernel, func(b boot) bool {
		last, after, ok := b.after(isInitrd)
		return ok && len(after) == 0 && b.reached == provision.Kernel && !isKernelAlone(last)
	})
	if len(boots) == 0 {
		return nil
	}
	first, _, _ := boots[0].after(isInitrd)
	last, _, _ := boots[len(boots)-1].after(isInitrd)
	if !s.waited(first.Counted, s.times.of(provision.Kernel)) {
		return nil
	}
	driver := provision.Cause{
		Text:    "The installer's initramfs has no driver or firmware for the box's network card.",
		Decider: "If its console shows a running kernel and no network device, it is the driver.",
	}
	vlan := provision.Cause{
		Text:    "The installer's kernel asks on another VLAN than the firmware did.",
		Decider: "If the switch port's native VLAN is not that of the firmware's requests, it is the VLAN.",
	}
	f := &finding{
		since: first.Counted, evidence: []provision.Event{last}, causes: []provision.Cause{driver, vlan},
		remedy: provision.Remedy{Text: "Look at the box's console. If the firmware uses a tagged VLAN, set `boot: {vlan: N}` of the host."},
	}
	if s.host != nil && s.host.Boot.VLAN != 0 {
		vlan.Text = fmt.Sprintf("The inventory sends the kernel to VLAN %d, and the switch port does not carry it.", s.host.Boot.VLAN)
		vlan.Decider = fmt.Sprintf("If the switch port is not a member of VLAN %d, it is the VLAN.", s.host.Boot.VLAN)
		f.causes = []provision.Cause{vlan, driver}
		f.remedy.Text = "Compare the VLANs of the switch port with `boot: {vlan: N}` of the host, then look at the box's console."
		f.remedy.Command = fmt.Sprintf("rackhand explain %s", s.name())
	}
	s.console(f)
	return f
}

// isKernelAlone reports whether the file of a fetch is the kernel, so that the initrd is still
// to come.
func isKernelAlone(e provision.Event) bool { return strings.HasPrefix(fileOf(e), "vmlinuz") }

// isInitrd reports whether an event is the fetch of the last file before the kernel starts.
func isInitrd(e provision.Event) bool {
	return fetched(e) && e.Stage == provision.Kernel
}
