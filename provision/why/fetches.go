package why

import (
	"strconv"
	"strings"
	"time"

	"rackhand/provision"
)

// booting returns the boots since the box's installer ran last, oldest first; none if it runs,
// or failed. What earlier boots showed counts no more once the box was powered on again and
// stays silent.
func (s *story) booting() []boot {
	switch {
	case s.in.Stage == provision.Failed:
		if _, installed := s.in.Reached[provision.Installed]; installed || s.failedByBox() {
			return nil
		}
	case s.place.Rank() > provision.Kernel.Rank():
		return nil
	}
	if b := s.boot(); b != nil && b.power != nil && b.lastHeard().Equal(b.began) && s.now.Sub(b.began) > s.times.of(provision.Powered) {
		return nil
	}
	i := len(s.boots)
	for i > 0 && s.boots[i-1].reached.Rank() <= provision.Kernel.Rank() {
		i--
	}
	return s.boots[i:]
}

// alike returns the latest boots that stopped in the same way, oldest first. A present boot
// that has not come to that place yet doesn't end the row.
func (s *story) alike(place provision.Stage, same func(b boot) bool) []boot {
	all := s.booting()
	end := len(all)
	if end > 1 && all[end-1].reached.Rank() < place.Rank() {
		end--
	}
	i := end
	for i > 0 && same(all[i-1]) {
		i--
	}
	return all[i:end]
}

// started is when the first of some boots began: with its power or with the first thing that
// the box did. A host may have been armed long before.
func (s *story) started(boots []boot) time.Time {
	for i := range boots {
		if at := boots[i].bootBegan(); !at.IsZero() {
			return at
		}
	}
	return s.now
}

// waited reports whether something has lasted for some time, and for firmwarePatience. It has
// for an install that failed.
func (s *story) waited(since time.Time, wait time.Duration) bool {
	return s.in.Stage == provision.Failed || s.now.Sub(s.waitedFrom(since)) >= max(wait, firmwarePatience)
}

// after are the events of a boot that the box caused after the last one for which found
// holds. ok is false if there is no such event.
func (b boot) after(found func(e provision.Event) bool) (at provision.Event, after []provision.Event, ok bool) {
	for i := len(b.events) - 1; i >= 0; i-- {
		if e := b.events[i]; found(e) {
			return e, after, true
		} else if e.ByBox() {
			after = append([]provision.Event{e}, after...)
		}
	}
	return provision.Event{}, after, false
}

// fromFirmware reports whether firmware itself, and not iPXE or a system, sent the request of
// an event.
func fromFirmware(e provision.Event) bool {
	return e.Source == "dhcp" && (e.Fields["client"] == "PXE" || e.Fields["client"] == "HTTP boot")
}

// leased reports whether an event is the lease of a box that boots into its install.
func leased(e provision.Event) bool {
	return is(e, "dhcp", "ack", "observed", "binl") && e.Stage == provision.Addressed
}

// fetched reports whether an event is the fetch of a whole file.
func fetched(e provision.Event) bool { return is(e, "tftp", "fetch") || is(e, "http", "fetch") }

// fileOf is the name of the file of a fetch, without its folders.
func fileOf(e provision.Event) string {
	name := e.Fields["name"]
	if name == "" {
		name = e.Fields["file"]
	}
	return name[strings.LastIndex(name, "/")+1:]
}

// fewBytes is how much of a file arrives at most when only small packets do: the window of
// a TCP connection at its start, or a few blocks of TFTP.
const fewBytes = 64 << 10

// A brokenTransfer is a transfer that broke off.
type brokenTransfer struct {
	provision.Event
	bytes, size int64
	// late: the file comes after the boot program: a kernel, an initrd or the like.
	late bool
}

// closed reports whether the box itself ended the transfer.
func (t brokenTransfer) closed() bool {
	return t.Fields["why"] == "closed" || t.Fields["why"] == "error"
}

// stops are the transfers of a file that broke off one after the other and that the box has
// not had whole since, oldest first: of the file that broke off last.
func (s *story) stops() []brokenTransfer {
	var all []brokenTransfer
	for _, b := range s.booting() {
		for _, e := range b.events {
			switch {
			case fetched(e):
				all = remove(all, fileOf(e))
			case e.Kind == "fetch-stopped" && e.Level != "" && (e.Source == "tftp" || e.Source == "http"):
				bytes, _ := strconv.ParseInt(e.Fields["bytes"], 10, 64)
				size, _ := strconv.ParseInt(e.Fields["size"], 10, 64)
				all = append(all, brokenTransfer{e, bytes, size, e.Fields["stage"] != string(provision.Bootfile)})
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	var out []brokenTransfer
	for _, one := range all {
		if last := all[len(all)-1]; fileOf(one.Event) == fileOf(last.Event) && one.late == last.late {
			out = append(out, one)
		}
	}
	return out
}

func remove(all []brokenTransfer, file string) []brokenTransfer {
	var out []brokenTransfer
	for _, one := range all {
		if fileOf(one.Event) != file {
			out = append(out, one)
		}
	}
	return out
}

// shownBy is the evidence of broken transfers: the first and the last.
func shownBy(stops []brokenTransfer) []provision.Event {
	var events []provision.Event
	for _, t := range stops {
		events = append(events, t.Event)
	}
	return firstAndLast(events)
}

// span is the least and the most that arrived.
func span(stops []brokenTransfer) (least, most int64) {
	least = stops[0].bytes
	for _, one := range stops {
		least, most = min(least, one.bytes), max(most, one.bytes)
	}
	return least, most
}

// mtuCommand sets the MTU of a host's network to what nearly every path carries; "" when its
// network isn't known.
func (s *story) mtuCommand() string {
	if s.host == nil || s.host.Network == nil {
		return ""
	}
	return "rackhand set networks." + s.host.Network.Name + ".mtu 1400"
}
