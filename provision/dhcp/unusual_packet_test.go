package dhcp

import (
	"context"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// An unusualPacket is a DISCOVER of UEFI firmware whose options aren't in the usual place
// or form.
type unusualPacket struct {
	name                 string
	options, file, sname string
	boots                bool // its class and architecture can be read
	none                 bool // it gets no answer
}

// unusualPackets are read by other servers, too: dnsmasq's answers are the same, as
// TestUnusualPacketsAsDnsmasq shows.
func unusualPackets() []unusualPacket {
	const (
		discover = "\x35\x01\x01"
		wants    = "\x37\x04\x01\x03\x06\x43" // option 55: 1, 3, 6, 67
		class    = "\x3c\x20PXEClient:Arch:00007:UNDI:003001"
		arch     = "\x5d\x02\x00\x07"
		pxe      = wants + class + arch
		stop     = "\xff"
	)
	zeros := string(make([]byte, 60))
	return []unusualPacket{
		{name: "usual", options: discover + pxe + stop, boots: true},
		{name: "no End", options: discover + pxe, boots: true},
		{name: "no End, zero padded", options: discover + pxe + zeros, boots: true},
		{name: "last option cut off", options: discover + pxe + "\x3d\x09\x01\x02", boots: true},
		{name: "last option without its length", options: discover + pxe + "\x3d", boots: true},
		{name: "cut off before the class", options: discover + wants + "\x0c\xc8x", boots: false},
		{name: "cut off before the type", options: wants + "\x0c\xc8x" + discover, none: true},
		{name: "options in file", options: "\x34\x01\x01" + discover + stop, file: pxe + stop, boots: true},
		{name: "options in sname", options: "\x34\x01\x02" + discover + stop, sname: pxe + stop, boots: true},
		{name: "options in both", options: "\x34\x01\x03" + discover + stop, file: wants + arch + stop, sname: class + stop, boots: true},
		{name: "type in file", options: "\x34\x01\x01" + stop, file: discover + pxe + stop, boots: true},
		{name: "no End anywhere", options: "\x34\x01\x01" + discover, file: pxe, boots: true},
		{name: "file is a name, whatever it holds", options: discover + wants + stop, file: class + arch + stop, boots: false},
	}
}

// bytes is the packet on the wire.
func (o unusualPacket) bytes() []byte {
	p := discover(web1)
	p.SetBroadcast()
	b := append(p.ToBytes()[:optionsAt:optionsAt], o.options...)
	copy(b[nameAt:fileAt], o.sname)
	copy(b[fileAt:cookieAt], o.file)
	return b
}

// TestUnusualPackets checks that options in file and sname are read (option 52), and that a
// packet whose options are cut off or have no End is answered from those before.
func TestUnusualPackets(t *testing.T) {
	for _, o := range unusualPackets() {
		b := newTestServer(t)
		b.arm("web1")
		reply, _, ok := b.answer(context.Background(), o.bytes())
		if ok == o.none {
			t.Errorf("%s: answered: %v", o.name, ok)
		}
		if !ok {
			if b.wantKinds(" bad-packet"); t.Failed() {
				t.Logf("(%s)", o.name)
			}
			continue
		}
		r, err := dhcpv4.FromBytes(reply)
		if err != nil {
			t.Fatal(err)
		}
		if r.MessageType() != offer || r.YourIPAddr.String() != "10.77.0.130" || (r.BootFileName == "snponly.efi") != o.boots {
			t.Errorf("%s: %s", o.name, r.Summary())
		}
		if !discovers(o.bytes()) && o.name != "type in file" {
			t.Errorf("%s: not taken for a DISCOVER", o.name)
		}
	}
}
