package why

import (
	"fmt"

	"rackhand/provision"
)

// programSilent finds that the boot program was fetched, and that nothing came from it.
func programSilent(s *story) *finding {
	boots := s.alike(provision.Bootfile, func(b boot) bool {
		_, after, ok := b.after(isProgram)
		return ok && len(after) == 0 && b.reached == provision.Bootfile
	})
	if len(boots) == 0 {
		return nil
	}
	first, _, _ := boots[0].after(isProgram)
	last, _, _ := boots[len(boots)-1].after(isProgram)
	if !s.waited(first.Counted, s.times.of(provision.Bootfile)) {
		return nil
	}
	f := &finding{since: first.Counted, evidence: []provision.Event{last}}
	file := fileOf(last)
	whole := map[string]string{"snponly.efi": "ipxe.efi", "undionly.kpxe": "ipxe.pxe"}[file]
	driver := provision.Cause{
		Text:    fmt.Sprintf("%s has no driver for the box's network card.", file),
		Decider: "If its console shows no network device, or an error of the device, it is the driver.",
	}
	f.causes = []provision.Cause{
		driver,
		{
			Text:    "The switch port waits again after the program has reset the link (spanning tree).",
			Decider: "If its console shows that it waits for the link or for DHCP, it is the port.",
		},
	}
	f.remedy = provision.Remedy{Text: "Look at the box's console. Set portfast, or edge, on its switch port, or give it another boot program."}
	if isEFI(file) && (s.host == nil || !s.host.Boot.SecureBoot) {
		f.causes = append(f.causes, provision.Cause{
			Text:    fmt.Sprintf("Secure Boot refuses %s, which is not signed.", file),
			Decider: "If its console says \"Access Denied\" or \"Security Violation\", it is Secure Boot.",
		})
	}
	if whole == "ipxe.efi" {
		f.remedy.Text = "Look at the box's console. If it is the driver, take the program that has drivers of its own; if it is the port, set portfast, or edge, on it."
		f.remedy.Command = fmt.Sprintf("rackhand set hosts.%s.boot.program %s", s.name(), whole)
	}
	return f
}
