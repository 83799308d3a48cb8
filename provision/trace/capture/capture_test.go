package capture

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"rackhand/provision"
)

// TestFile reads a file back. tcpdump reads one in TestTrace of provision/appliance.
func TestFile(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)
	var file bytes.Buffer
	c, err := New(&file)
	if err != nil {
		t.Fatal(err)
	}
	long := bytes.Repeat([]byte("x"), maxFrame+10)
	for _, l := range []provision.TraceLine{{Time: at, Frame: []byte("a frame")}, {Time: at, Text: "no frame"}, {Time: at, Frame: long}} {
		if err := c.Add(l); err != nil {
			t.Fatal(err)
		}
	}
	r, err := pcapgo.NewReader(&file)
	if err != nil || r.LinkType() != layers.LinkTypeEthernet {
		t.Fatal(err)
	}
	for _, want := range [][]byte{[]byte("a frame"), long} {
		b, info, err := r.ReadPacketData()
		if err != nil || !info.Timestamp.Equal(at) || info.Length != len(want) || !bytes.Equal(b, want[:min(len(want), maxFrame)]) {
			t.Errorf("%v: %+v", err, info)
		}
	}
	if _, _, err := r.ReadPacketData(); err != io.EOF {
		t.Error(err)
	}
}
