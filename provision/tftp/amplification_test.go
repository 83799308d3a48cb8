package tftp

import (
	"bytes"
	"net"
	"testing"
	"time"
)

// TestAmplification checks how much one request makes the server send to an address that
// never answers, and that may be forged.
func TestAmplification(t *testing.T) {
	const headers = 28 // of IPv4 and UDP
	for _, tt := range []struct {
		name    string
		from    net.IP
		options []string
		packets int
	}{
		{"leased", net.IPv4(127, 0, 0, 1), nil, 1 + leasedRetries},
		{"leased, blksize", net.IPv4(127, 0, 0, 1), []string{"blksize", "1024"}, 1 + leasedRetries},
		{"leased, tsize and blksize", net.IPv4(127, 0, 0, 1), []string{"tsize", "0", "blksize", "1468"}, 1 + leasedRetries},
		{"a stranger", net.IPv4(127, 0, 9, 1), nil, 1},
		{"a stranger, blksize", net.IPv4(127, 0, 9, 1), []string{"blksize", "1024"}, 1},
		{"a stranger, tsize and blksize", net.IPv4(127, 0, 9, 1), []string{"tsize", "0", "blksize", "1468"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // it waits for 2 s
			b := start(t, 0)
			c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: tt.from})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			ask := request("snponly.efi", tt.options...)
			sendPacket(t, c, b.addr, ask)
			b.waitFree(t) // it has given the client up
			packets, sent := 0, 0
			buf := make([]byte, 65536)
			if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			for {
				n, _, err := c.ReadFromUDP(buf)
				if err != nil {
					break
				}
				if packets++; buf[1] == 5 {
					t.Errorf("an error was sent: %q", buf[:n])
				}
				sent += n + headers
			}
			t.Logf("%d packets, %d bytes for %d: factor %.1f", packets, sent, len(ask)+headers, float64(sent)/float64(len(ask)+headers))
			if packets != tt.packets {
				t.Errorf("%d packets, want %d", packets, tt.packets)
			}
		})
	}
}

// waitFree waits until a transfer has begun and the gate is empty.
func (b *testServer) waitFree(t *testing.T) {
	t.Helper()
	for began := false; ; {
		free := b.srv.gate.free()
		if began = began || !free; began && free {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestStrangerFetches checks that an address without a lease gets its file, and that lost
// packets are repeated as usual once it has answered.
func TestStrangerFetches(t *testing.T) {
	for name, options := range map[string][]string{"plain": nil, "tsize": {"tsize", "0", "blksize", "1024"}} {
		t.Run(name, func(t *testing.T) {
			b := start(t, 0)
			c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 9, 1)})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			first, tid := exchange(t, c, b.addr, request("snponly.efi", options...))
			answered := 0
			if first[1] == 3 {
				answered = 1
			}
			sendPacket(t, c, tid, ack(answered))
			// The next block is left without an answer, and comes again.
			buf := make([]byte, 65536)
			var blocks [3][]byte
			for i := range blocks {
				n, _, err := c.ReadFromUDP(buf)
				if err != nil {
					t.Fatal(err)
				}
				blocks[i] = bytes.Clone(buf[:n])
			}
			if blocks[0][3] != byte(answered+1) || !bytes.Equal(blocks[0], blocks[1]) || !bytes.Equal(blocks[1], blocks[2]) {
				t.Errorf("after its first answer it is sent % .8x, % .8x, % .8x", blocks[0], blocks[1], blocks[2])
			}
			sendPacket(t, c, tid, []byte{0, 5, 0, 0, 0})
			other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 9, 2)})
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			if h := (raw{asks: 2, acks: 1}).fetch(t, b, other, options...); !bytes.Equal(h.file, program) || h.others > 0 {
				t.Errorf("%d bytes, %d packets from other ports", len(h.file), h.others)
			}
		})
	}
}
