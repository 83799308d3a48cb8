package why

import (
	"fmt"

	"rackhand/provision"
)

// otherServer finds that the box chose another DHCP server and has not got on since.
func otherServer(s *story) *finding {
	b := s.boot()
	if b == nil || !s.hadTime() {
		return nil
	}
	chosen := b.stopsAt(func(e provision.Event) bool { return is(e, "dhcp", "chosen-other") })
	if len(chosen) == 0 {
		return nil
	}
	chose := chosen[len(chosen)-1]
	server, address := chose.Fields["server"], chose.Fields["address"]
	text := fmt.Sprintf("Another DHCP server, %s, answers on this link, and the box chose it", server)
	if address != "" {
		text += " (" + address + ")"
	}
	return &finding{
		since: chosen[0].Counted, causes: cause(text + "."), evidence: firstAndLast(chosen),
		remedy: provision.Remedy{
			Text:    fmt.Sprintf("Find %s and switch its DHCP off, or let it give the addresses: `dhcp: proxy` in place of `leases`.", server),
			Command: "rackhand doctor",
		},
	}
}
