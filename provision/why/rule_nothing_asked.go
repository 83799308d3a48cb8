package why

import (
	"fmt"
	"slices"

	"rackhand/provision"
)

// nothingAsked finds that a box with a lease asks for no file, or for one of another server.
func nothingAsked(s *story) *finding {
	boots := s.alike(provision.Addressed, asksNothing)
	if len(boots) == 0 {
		return nil
	}
	first, _, _ := boots[0].after(isLease)
	lease, after, _ := boots[len(boots)-1].after(isLease)
	if !s.waited(first.Counted, s.times.of(provision.Addressed)) {
		return nil
	}
	f := &finding{since: first.Counted, evidence: []provision.Event{first}}
	if lease.Seq != first.Seq {
		f.evidence = append(f.evidence, lease)
	}
	for i := range after {
		if after[i].Kind == "no-such-file" && after[i].Level != "" {
			return s.askedForAnother(f, after[i])
		}
	}
	s.nothingArrives(f, lease)
	return f
}

// isLease is leased, also for a program of ours that asks for its script.
func isLease(e provision.Event) bool {
	return leased(e) || is(e, "dhcp", "ack", "observed") && e.Fields["client"] == "iPXE"
}

// asksNothing reports whether a boot has a lease, and after the last one no read request but
// for names that we don't have. A boot program of ours that has its own lease and asks for no
// script counts too.
func asksNothing(b boot) bool {
	lease, after, ok := b.after(isLease)
	if !ok || b.reached == provision.Bootfile && lease.Fields["client"] != "iPXE" || b.reached.Rank() > provision.Bootfile.Rank() {
		return false
	}
	return !slices.ContainsFunc(after, func(e provision.Event) bool {
		return e.Kind != "no-such-file" && e.Source != "dhcp" || is(e, "dhcp", "chosen-other")
	})
}

// askedForAnother is the finding for a box that asked for a name that we don't have.
func (s *story) askedForAnother(f *finding, e provision.Event) *finding {
	name := e.Fields["name"]
	f.since, f.evidence = e.Counted, append(f.evidence, e)
	if s.host != nil && s.host.Boot.Program == name {
		f.causes = cause(fmt.Sprintf("The inventory names %s as its boot program, and there is no such file.", name))
		f.remedy = provision.Remedy{Text: "Put the file into a folder of `bootfiles:`, or take `program` out of the inventory.", Command: fmt.Sprintf("rackhand explain %s boot.program", s.name())}
		return f
	}
	f.causes = cause(fmt.Sprintf("Another PXE or DHCP server told the box to boot %s%s, which rackhand does not have.", name, kindOfServer(name)))
	f.remedy = provision.Remedy{Text: fmt.Sprintf("Find that server, and take its boot file name (option 67, %s) away.", name), Command: "rackhand doctor"}
	return f
}

// kindOfServer names the servers that use a boot file's name.
func kindOfServer(name string) string {
	switch fileOf(provision.Event{Fields: map[string]string{"name": name}}) {
	case "pxelinux.0", "lpxelinux.0", "gpxelinux.0", "syslinux.efi":
		return " (PXELINUX, as Foreman, Cobbler and FOG have it)"
	case "wdsnbp.com", "wdsmgfw.efi", "bootmgfw.efi", "pxeboot.com", "pxeboot.n12":
		return " (Windows Deployment Services)"
	case "SMSTSBoot.efi", "smsboot.com":
		return " (Configuration Manager)"
	}
	return ""
}

// nothingArrives is the finding for a box from which no request came.
func (s *story) nothingArrives(f *finding, lease provision.Event) {
	port, asker := "UDP port 69", "its firmware"
	if c := lease.Fields["client"]; c == "HTTP boot" || c == "iPXE" {
		port, asker = "TCP port 80", c
	}
	f.causes = []provision.Cause{
		{
			Text:    fmt.Sprintf("A firewall drops %s between the box and the appliance.", port),
			Decider: "If another machine on the box's link gets nothing from that port either, it is the firewall.",
		},
		{
			Text:    fmt.Sprintf("Another PXE server answered, and %s asks that one for its file.", asker),
			Decider: "If the box's console shows another server's address, or `rackhand doctor` finds a second server, it is that one.",
		},
	}
	f.remedy = provision.Remedy{Text: fmt.Sprintf("Look for both: open %s, or switch the other server off.", port), Command: "rackhand doctor"}
}
