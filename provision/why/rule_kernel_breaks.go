package why

import (
	"fmt"
	"strconv"

	"rackhand/provision"
)

// blocksTFTP is how many blocks a TFTP client without rollover can count.
const blocksTFTP = 65535

// kernelBreaks finds that the transfer of a kernel, an initrd or the installer's next file
// breaks off.
func kernelBreaks(s *story) *finding {
	stops := s.stops()
	if len(stops) == 0 || !stops[0].late || len(stops) == 1 && !s.overdue() && s.in.Stage != provision.Failed {
		return nil
	}
	_, most := span(stops)
	last := stops[len(stops)-1]
	file := fileOf(last.Event)
	f := &finding{since: stops[0].Counted, evidence: shownBy(stops)}
	memory := provision.Cause{
		Text:    fmt.Sprintf("The box has no memory for %s (%d MiB)%s.", file, last.size>>20, said(last)),
		Decider: "If its console says that there is no space or no memory, it is that.",
	}
	loss := provision.Cause{Text: "The link loses packets: cable, duplex or a bad port.", Decider: "If the error counters of its switch port grow, it is the link."}
	block, _ := strconv.ParseInt(last.Fields["blksize"], 10, 64)
	switch {
	case block > 0 && most/block >= blocksTFTP-1 && most/block <= blocksTFTP+1:
		f.causes = cause(fmt.Sprintf("The boot loader can't count more than %d blocks of %d bytes, and %s has more.", blocksTFTP, block, file))
		f.remedy = provision.Remedy{Text: "Use a boot loader that fetches over HTTP, or one that asks for larger blocks."}
	case !last.closed() && most < fewBytes && len(stops) > 1:
		f.causes = cause(fmt.Sprintf("The path to the box drops large packets, so %s stops after %d bytes each time (MTU).", file, last.bytes))
		f.remedy = provision.Remedy{Text: "Compare the MTU of the switch's ports and of each link on the path, or set `mtu:` of the network to what it carries.", Command: s.mtuCommand()}
	case last.closed():
		f.causes = []provision.Cause{memory, loss}
		f.remedy = provision.Remedy{Text: "Look at the box's console and at its memory, then at its switch port."}
	default:
		f.causes = []provision.Cause{loss, memory}
		f.remedy = provision.Remedy{Text: "Look at the error counters of its switch port, then at the box's console."}
	}
	return f
}
