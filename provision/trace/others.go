package trace

import (
	"fmt"
	"net/netip"
	"time"

	"rackhand/inventory"
)

// A Probe is a question to the network which machine has an address, or an answer to it.
type Probe struct {
	Box     inventory.MAC // the card that is to get the address
	Address netip.Addr
	Routed  bool          // by ICMP echo, not by ARP
	Answers bool          // it is an answer
	By      inventory.MAC // the machine that answers; zero when a router is between
}

func (p Probe) who() (inventory.MAC, netip.Addr) { return p.Box, netip.Addr{} }
func (Probe) size() int                          { return 96 }
func (Probe) again(Fact) bool                    { return false }

func (p Probe) tell(l *Line) {
	l.Kind, l.Sent = "probe", !p.Answers
	field(l, "address", p.Address.String())
	by := "ARP"
	if p.Routed {
		by = "ICMP echo"
	}
	switch {
	case !p.Answers:
		l.Text = fmt.Sprintf("%s asks which machine has %s", by, p.Address)
	case p.By == (inventory.MAC{}):
		l.Text = fmt.Sprintf("a machine answers at %s, which this box was about to get", p.Address)
	default:
		field(l, "by", p.By.String())
		l.Text = fmt.Sprintf("%s answers at %s, which this box was about to get", p.By, p.Address)
	}
}

// A BMC is a command to the BMC of a box.
type BMC struct {
	Box     inventory.MAC // a card of the box
	Address netip.Addr    // of the BMC
	Command string        // as `rackhand power` or the log names it
	Result  string        // such as the state that it reports
	Took    time.Duration
	Err     error // without the account
}

func (b BMC) who() (inventory.MAC, netip.Addr) { return b.Box, netip.Addr{} }
func (b BMC) size() int                        { return 160 + len(b.Result) + sizeOf(b.Err) }

func (b BMC) again(f Fact) bool {
	before, ok := f.(BMC)
	return ok && before.Command == b.Command && before.Result == b.Result && before.Err == nil && b.Err == nil
}

func (b BMC) tell(l *Line) {
	l.Kind, l.Sent = "bmc", true
	field(l, "command", b.Command)
	field(l, "bmc", b.Address.String())
	field(l, "milliseconds", fmt.Sprint(b.Took.Milliseconds()))
	l.Text = fmt.Sprintf("BMC %s: %s", b.Address, b.Command)
	if b.Result != "" {
		field(l, "result", b.Result)
		l.Text += ": " + b.Result
	}
	l.Text += " in " + b.Took.Round(time.Millisecond).String()
	if b.Err != nil {
		field(l, "error", b.Err.Error())
		l.Text += ": " + b.Err.Error()
	}
}

// A Log is a line of an installer's log. Its text isn't kept.
type Log struct{ Peer netip.Addr }

func (g Log) who() (inventory.MAC, netip.Addr) { return inventory.MAC{}, g.Peer }
func (Log) size() int                          { return 64 }

func (g Log) again(f Fact) bool {
	_, ok := f.(Log)
	return ok
}

func (g Log) tell(l *Line) {
	l.Kind = "syslog"
	field(l, "peer", g.Peer.String())
	l.Text = "syslog: a line of its log"
}
