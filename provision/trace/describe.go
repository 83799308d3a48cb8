package trace

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/dhcpwire"
)

// textMost bounds a text of a packet, in bytes.
const textMost = 128

// describe puts a packet into words: its message type, and what matters of its header and
// options.
func (d DHCP) describe(l *Line) *words {
	w := &words{}
	plain, err := dhcpwire.Plain(d.Packet)
	var p *dhcpv4.DHCPv4
	if err == nil {
		p, err = dhcpv4.FromBytes(plain)
	}
	if err != nil {
		w.add("a packet of %d bytes that can't be read as DHCP", len(d.Packet))
		return w
	}
	kind := p.MessageType().String()
	field(l, "message", kind)
	if client := d.client(l, p); client != "" {
		kind += " by " + client
	}
	if d.Sent {
		describeReply(w, l, kind, p)
		w.add("to %s", d.To)
		field(l, "to", d.To.String())
		return w
	}
	w.add("%s", kind)
	describeRequest(w, l, p)
	if relay := addrOf(p.GatewayIPAddr); relay.IsValid() {
		w.add("through relay %s", relay)
		field(l, "relay", relay.String())
	}
	if info := p.Options.Get(dhcpv4.OptionRelayAgentInformation); len(info) > 0 {
		describeRelay(w, l, info)
	}
	return w
}

// client names the program that asks.
func (d DHCP) client(l *Line, p *dhcpv4.DHCPv4) string {
	if d.Sent || d.Client == "" {
		return ""
	}
	kind := d.Client
	if kind == boot.Other.String() {
		kind = "a system's client"
	}
	if o := p.Options.Get(dhcpv4.OptionClientSystemArchitectureType); len(o) >= 2 {
		arch := boot.Arch(binary.BigEndian.Uint16(o)).String()
		field(l, "arch", arch)
		kind += " (" + arch + ")"
	}
	return kind
}

func describeRequest(w *words, l *Line, p *dhcpv4.DHCPv4) {
	if a := addrOf(p.Options.Get(dhcpv4.OptionRequestedIPAddress)); a.IsValid() {
		w.add("asks for %s", a)
		field(l, "asked", a.String())
	}
	if a := addrOf(p.Options.Get(dhcpv4.OptionServerIdentifier)); a.IsValid() {
		w.add("names server %s", a)
		field(l, "server", a.String())
	}
	if a := addrOf(p.ClientIPAddr); a.IsValid() {
		w.add("has %s", a)
		field(l, "has", a.String())
	}
	if p.NumSeconds > 0 {
		w.add("%d s after its start", p.NumSeconds)
	}
	field(l, "secs", fmt.Sprint(p.NumSeconds))
	field(l, "xid", fmt.Sprintf("%x", p.TransactionID[:]))
	for _, o := range []struct {
		code       dhcpv4.OptionCode
		name, form string
	}{
		{dhcpv4.OptionClassIdentifier, "vendor", "vendor class %q"},
		{dhcpv4.OptionUserClassInformation, "user_class", "user class %q"},
		{dhcpv4.OptionHostName, "host_name", "host name %q"},
	} {
		if text := textOf(p.Options.Get(o.code)); text != "" {
			w.add(o.form, text)
			field(l, o.name, text)
		}
	}
	if o := p.Options.Get(dhcpv4.OptionClientMachineIdentifier); len(o) > 1 {
		field(l, "uuid", fmt.Sprintf("%x", o[1:]))
	}
	if o := p.Options.Get(dhcpv4.OptionClientIdentifier); len(o) > 0 {
		field(l, "client_id", fmt.Sprintf("%x", o[:min(len(o), textMost)]))
	}
}

func describeReply(w *words, l *Line, kind string, p *dhcpv4.DHCPv4) {
	if a := addrOf(p.YourIPAddr); a.IsValid() {
		kind += " of " + a.String()
		field(l, "address", a.String())
	}
	w.add("%s", kind)
	if a := addrOf(p.Options.Get(dhcpv4.OptionServerIdentifier)); a.IsValid() {
		w.add("server %s", a)
		field(l, "server", a.String())
	}
	if o := p.Options.Get(dhcpv4.OptionIPAddressLeaseTime); len(o) == 4 {
		lease := time.Duration(binary.BigEndian.Uint32(o)) * time.Second
		w.add("lease %s", provision.Span(lease))
		field(l, "lease", lease.String())
	}
	file := textOf([]byte(p.BootFileName))
	if o := textOf(p.Options.Get(dhcpv4.OptionBootfileName)); o != "" {
		file = o
	}
	if file = MaskPath(file); file != "" {
		w.add("boot file %q", file)
		field(l, "file", file)
	}
	if a := addrOf(p.ServerIPAddr); a.IsValid() && file != "" {
		w.add("next server %s", a)
		field(l, "next_server", a.String())
	}
	if text := textOf(p.Options.Get(dhcpv4.OptionMessage)); text != "" {
		w.add("%q", text)
		field(l, "text", text)
	}
	field(l, "xid", fmt.Sprintf("%x", p.TransactionID[:]))
}

// describeRelay names the switch port of option 82 (RFC 3046): circuit (1) and remote (2).
func describeRelay(w *words, l *Line, info []byte) {
	for b := info; len(b) >= 2 && len(b) >= 2+int(b[1]); b = b[2+int(b[1]):] {
		value := textOf(b[2 : 2+int(b[1])])
		switch {
		case value == "":
		case b[0] == 1:
			w.add("circuit %q", value)
			field(l, "circuit", value)
		case b[0] == 2:
			w.add("remote %q", value)
			field(l, "remote", value)
		}
	}
}

// textOf makes bytes of a packet printable: as text, or as hex when they aren't text.
func textOf(b []byte) string {
	b = b[:min(len(b), textMost)]
	s := strings.TrimRight(string(b), "\x00")
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Sprintf("%x", b)
	}
	return s
}

func addrOf(ip []byte) netip.Addr {
	a, ok := netip.AddrFromSlice(net.IP(ip).To4())
	if !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}
