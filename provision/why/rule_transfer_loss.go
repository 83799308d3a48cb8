package why

import (
	"fmt"

	"rackhand/provision"
)

// transferLoss finds that the transfer of a boot program breaks off in its middle.
func transferLoss(s *story) *finding {
	stops := s.stops()
	if len(stops) == 0 || stops[0].late || !s.waited(s.started(s.booting()), 0) || len(stops) == 1 && !s.overdue() && s.in.Stage != provision.Failed {
		return nil
	}
	least, most := span(stops)
	last := stops[len(stops)-1]
	if most == 0 && !last.closed() {
		return nil
	}
	f := &finding{since: stops[0].Counted, evidence: shownBy(stops)}
	file := fileOf(last.Event)
	loss := provision.Cause{
		Text:    fmt.Sprintf("The link loses packets, so %s breaks off: cable, duplex or a bad port.", file),
		Decider: "If the error counters of its switch port grow, it is the link.",
	}
	f.remedy = provision.Remedy{Text: "Look at the error counters and the duplex of its switch port, and change the cable."}
	switch {
	case last.closed():
		f.causes = cause(fmt.Sprintf("The box itself ended the transfer of %s after %d of %d bytes%s: its firmware has no room for the program.", file, last.bytes, last.size, said(last)))
		f.remedy = provision.Remedy{Text: "Update its firmware, or give the box a smaller boot program (`boot: {program: NAME}`)."}
	case len(stops) > 1 && least != most:
		loss.Text = fmt.Sprintf("The link loses packets: %s broke off after %d, and after %d of %d bytes. It is the cable, the duplex or a bad port.", file, least, most, last.size)
		loss.Decider = ""
		f.causes = []provision.Cause{loss}
	case len(stops) > 1:
		f.causes = []provision.Cause{
			{Text: fmt.Sprintf("The firmware stops at byte %d of %s each time: it has no room for the program, or a fault.", most, file), Decider: "If another box of the model stops at the same byte, it is the firmware."},
			loss,
		}
	default:
		f.causes = []provision.Cause{loss, {Text: "The box hung or was switched off in the middle of the transfer.", Decider: "If its console shows nothing new after a restart, it is the box."}}
	}
	return f
}

// said is the box's own error, in brackets.
func said(t brokenTransfer) string {
	if t.Fields["error"] == "" {
		return ""
	}
	return fmt.Sprintf(" (error %s: %s)", t.Fields["code"], t.Fields["error"])
}
