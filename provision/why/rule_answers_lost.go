package why

import (
	"fmt"
	"strconv"

	"rackhand/provision"
)

// answersLost finds that the box asks for a file over TFTP and acknowledges nothing of it:
// answers don't arrive.
func answersLost(s *story) *finding {
	stops := s.stops()
	if len(stops) == 0 {
		return nil
	}
	last := stops[len(stops)-1]
	if _, most := span(stops); last.Source != "tftp" || most > 0 || last.closed() || !s.waited(s.started(s.booting()), 0) {
		return nil
	}
	f := &finding{since: stops[0].Counted, evidence: shownBy(stops)}
	block, _ := strconv.Atoi(last.Fields["blksize"])
	if last.Fields["packets"] != "" && last.Fields["packets"] != "0" {
		f.causes = cause(fmt.Sprintf("The path to the box drops packets of %d bytes, and carries smaller ones (MTU).", block+tftpHeaders))
		f.remedy = provision.Remedy{Text: "Compare the MTU of the switch's ports, or set `mtu:` of the network to what the path carries.", Command: s.mtuCommand()}
		return f
	}
	f.causes = cause(fmt.Sprintf("The box asks for %s, and no answer reaches it: a firewall between the box and the appliance drops UDP packets from ports above 1023, from which TFTP answers.", fileOf(last.Event)))
	f.remedy = provision.Remedy{Text: "Allow UDP from the appliance to this network on all ports, also in the appliance's own firewall.", Command: "rackhand doctor"}
	return f
}

// tftpHeaders are the bytes of IPv4, UDP and TFTP before a block.
const tftpHeaders = 32
