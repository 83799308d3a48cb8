package tftp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// request is a read request as bytes, with options as firmware sends them.
func request(name string, options ...string) []byte {
	b := append([]byte{0, 1}, name...)
	b = append(b, "\x00octet\x00"...)
	for _, o := range options {
		b = append(append(b, o...), 0)
	}
	return b
}

func ack(block int) []byte { return []byte{0, 4, byte(block >> 8), byte(block)} }

// dial opens a client's socket on loopback.
func dial(t testing.TB) *net.UDPConn { return dialFrom(t, 1) }

// dialFrom opens the socket of a client with its own address, 127.0.0.HOST.
func dialFrom(t testing.TB, host byte) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, host)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// exchange sends to the server and reads one answer. It repeats each second, since a kernel
// with a full buffer drops datagrams on loopback, too.
func exchange(t testing.TB, c *net.UDPConn, to *net.UDPAddr, msg []byte) ([]byte, *net.UDPAddr) {
	t.Helper()
	buf := make([]byte, 65536)
	for range 60 { // the machine may be busy
		sendPacket(t, c, to, msg)
		if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		n, from, err := c.ReadFromUDP(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case err != nil:
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return buf[:n], from
	}
	t.Fatalf("no answer to %.40q", msg)
	return nil, nil
}

func sendPacket(t testing.TB, c *net.UDPConn, to *net.UDPAddr, msg []byte) {
	t.Helper()
	if _, err := c.WriteToUDP(msg, to); err != nil {
		t.Fatal(err)
	}
}

// secondBlock acknowledges the first block and waits for the second. It skips copies of the
// first block, which a stalled machine causes.
func secondBlock(t testing.TB, c *net.UDPConn, tid *net.UDPAddr) {
	t.Helper()
	for range 100 {
		if data, _ := exchange(t, c, tid, ack(1)); binary.BigEndian.Uint16(data) == 3 && data[3] == 2 {
			return
		}
	}
	t.Fatal("the second block never came")
}

// A raw is the behaviour of a raw client.
type raw struct {
	asks  int           // how often it asks at the start
	acks  int           // how often it acknowledges each block
	delay time.Duration // before each ACK
	size  int           // the block size it asks for; 0: 1024 if it has options
}

// A fetched is the result of a raw client.
type fetched struct {
	file    []byte
	packets int // of data
	others  int // packets from another port of the server than the first one
}

// fetch gets snponly.efi in blocks of the size that it asks for, or 512 without options.
func (r raw) fetch(t *testing.T, b *testServer, c *net.UDPConn, options ...string) (h fetched) {
	t.Helper()
	for range r.asks - 1 {
		sendPacket(t, c, b.addr, request("snponly.efi", options...))
	}
	size := 512
	if len(options) > 0 {
		size = max(r.size, 1024)
	}
	msg, tid := exchange(t, c, b.addr, request("snponly.efi", options...))
	buf := make([]byte, 65536)
	for block := 0; ; {
		fresh := false
		switch op := binary.BigEndian.Uint16(msg); {
		case op == 3:
			h.packets++
			if int(binary.BigEndian.Uint16(msg[2:])) == block+1 {
				block++
				fresh = true
				h.file = append(h.file, msg[4:]...)
			}
		case op == 6:
			fresh = block == 0
		default:
			t.Fatalf("packet %q", msg)
		}
		if fresh {
			time.Sleep(r.delay)
			for range r.acks {
				sendPacket(t, c, tid, ack(block))
			}
		}
		if binary.BigEndian.Uint16(msg) == 3 && len(msg) < size+4 {
			return h
		}
		for {
			n, from, err := c.ReadFromUDP(buf)
			if err != nil {
				t.Fatal(err)
			}
			if from.Port == tid.Port {
				msg = buf[:n]
				break
			}
			if h.others++; binary.BigEndian.Uint16(buf) == 5 {
				t.Fatalf("an answer from another port: %q", buf[:n])
			}
		}
	}
}

// TestSorcerer checks that two ACKs for each block don't cause two blocks for each ACK (RFC
// 1123, 4.2.3.1). A block may come twice when this machine stalls.
func TestSorcerer(t *testing.T) {
	b := start(t, 0)
	h := raw{asks: 1, acks: 2}.fetch(t, b, dial(t))
	if blocks := len(program)/512 + 1; !bytes.Equal(h.file, program) || h.packets > blocks*3/2 {
		t.Errorf("%d bytes in %d packets for %d blocks", len(h.file), h.packets, blocks)
	}
}

// TestSlowClient checks that a client that is slower than the server's wait gets blocks
// twice and the file once.
func TestSlowClient(t *testing.T) {
	b := start(t, 0)
	h := raw{asks: 1, acks: 1, delay: 2 * firstWait, size: 16384}.fetch(t, b, dial(t), "blksize", "16384", "tsize", "0")
	if !bytes.Equal(h.file, program) {
		t.Errorf("%d bytes", len(h.file))
	}
	if e := b.wait(t, 1)[0]; e.Kind != "fetch" {
		t.Errorf("event %+v", e)
	}
}

// TestRepeatedRequest checks that a client that asks several times from one port has one
// transfer, and gets no packet from another port of the server that it might take for an
// answer. A copy with options but without tsize may have those acknowledged.
func TestRepeatedRequest(t *testing.T) {
	for name, options := range map[string][]string{
		"plain": nil, "tsize": {"tsize", "0", "blksize", "1024"}, "no tsize": {"blksize", "1024"},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, 0)
			h := raw{asks: 5, acks: 1}.fetch(t, b, dial(t), options...)
			if !bytes.Equal(h.file, program) {
				t.Errorf("%d bytes", len(h.file))
			}
			if name != "no tsize" && h.others > 0 {
				t.Errorf("%d packets from other ports", h.others)
			}
			b.wait(t, 1)
		})
	}
}

// TestSamePortAgain checks boot ROMs that always ask from the same port: they get a file a
// second time, even when they stopped in the middle of the first.
func TestSamePortAgain(t *testing.T) {
	b := start(t, 0)
	c := dial(t)
	whole := raw{asks: 1, acks: 1}
	if h := whole.fetch(t, b, c); !bytes.Equal(h.file, program) {
		t.Fatalf("%d bytes", len(h.file))
	}
	b.wait(t, 1)
	_, tid := exchange(t, c, b.addr, request("snponly.efi"))
	secondBlock(t, c, tid)
	b.later()
	// Late copies of the transfer that was left come as well, from its own port.
	var h fetched
	for range 100 {
		data, from := exchange(t, c, b.addr, request("snponly.efi"))
		if from.Port != tid.Port && data[3] == 1 {
			h = fetched{file: data[4:]}
			tid = from
			break
		}
	}
	if h.file == nil {
		t.Fatal("the second request was never answered")
	}
	data := make([]byte, 2048)
	for block := 1; len(h.file) < len(program); {
		sendPacket(t, c, tid, ack(block))
		n, from, err := c.ReadFromUDP(data)
		if err != nil {
			t.Fatal(err)
		}
		if from.Port == tid.Port && int(binary.BigEndian.Uint16(data[2:])) == block+1 {
			block++
			h.file = append(h.file, data[4:n]...)
		}
	}
	if !bytes.Equal(h.file, program) {
		t.Errorf("%d bytes", len(h.file))
	}
}

// TestRack checks that more boxes than there are transfers all get their file.
func TestRack(t *testing.T) {
	b := startWith(t, Options{MaxTransfers: 4, Patience: time.Minute})
	var wg sync.WaitGroup
	for i := range 60 {
		c := dialFrom(t, byte(2+i))
		wg.Go(func() {
			h := raw{asks: 1 + i%3, acks: 1}.fetch(t, b, c, "blksize", "1024", "tsize", "0")
			if !bytes.Equal(h.file, program) {
				t.Errorf("box %d: %d bytes", i, len(h.file))
			}
		})
	}
	wg.Wait()
	b.wait(t, 60)
}

// TestBusy checks that a request whose turn doesn't come in time is refused with an answer,
// and that a finished transfer frees its slot.
func TestBusy(t *testing.T) {
	b := startWith(t, Options{MaxTransfers: 1, Patience: time.Millisecond})
	c := dial(t)
	_, from := exchange(t, c, b.addr, request("snponly.efi"))
	for range 10 {
		if _, err := b.get(t, "snponly.efi", 0); err == nil || !strings.Contains(err.Error(), "busy") {
			t.Fatalf("second transfer: %v", err)
		}
	}
	if n := b.said("busy, refused"); n != 1 {
		t.Errorf("logged %d times that it is busy", n)
	}
	sendPacket(t, c, from, []byte{0, 5, 0, 3, 0})
	b.wait(t, 1)
	var err error
	for range 100 { // the slot is given back just after the event
		if _, err = b.get(t, "snponly.efi", 0); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Errorf("after the first one ended: %v", err)
	}
}
