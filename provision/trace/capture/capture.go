// Package capture writes the DHCP packets of a trace as a pcap file, for tcpdump and
// Wireshark.
package capture

import (
	"io"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"rackhand/provision"
)

// maxFrame is the longest frame of a file, in bytes: more than any DHCP packet.
const maxFrame = 65535

// A File is a pcap file (Ethernet, nanoseconds).
type File struct{ w *pcapgo.Writer }

// New writes the file's header.
func New(to io.Writer) (*File, error) {
	c := &File{pcapgo.NewWriterNanos(to)}
	return c, c.w.WriteFileHeader(maxFrame, layers.LinkTypeEthernet)
}

// Add writes the frame of a line. Lines without a frame write nothing.
func (c *File) Add(l provision.TraceLine) error {
	if len(l.Frame) == 0 {
		return nil
	}
	n := min(len(l.Frame), maxFrame)
	return c.w.WritePacket(gopacket.CaptureInfo{Timestamp: l.Time, CaptureLength: n, Length: len(l.Frame)}, l.Frame[:n])
}
