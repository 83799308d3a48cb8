package tftp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

// hostile are packets that no correct client sends.
func hostile() map[string][]byte {
	return map[string][]byte{
		"empty":                  {},
		"one byte":               {0},
		"opcode alone":           {0, 1},
		"no NUL":                 []byte("\x00\x01snponly.efi"),
		"no mode":                []byte("\x00\x01missing.efi\x00"),
		"empty name":             {0, 1, 0, 0},
		"unknown opcode":         {0, 9, 1, 2},
		"opcode 65535":           {255, 255},
		"data to port 69":        {0, 3, 0, 1, 'x'},
		"ACK to port 69":         {0, 4, 0, 1},
		"error to port 69":       {0, 5, 0, 8},
		"OACK to port 69":        []byte("\x00\x06tsize\x000\x00"),
		"10 kB name":             request(strings.Repeat("a", 10_000)),
		"60 kB of NUL":           append([]byte{0, 1}, make([]byte, 60_000)...),
		"500 byte name":          request(strings.Repeat("a", 500)),
		"opcodes":                bytes.Repeat([]byte{0, 1}, 5000),
		"many options":           request("missing.efi", strings.Split(strings.Repeat("x,", 200), ",")...),
		"half an option":         request("missing.efi", "tsize"),
		"no file, mode mail":     []byte("\x00\x01missing.efi\x00mail\x00"),
		"write":                  []byte("\x00\x02snponly.efi\x00octet\x00"),
		"write without a mode":   []byte("\x00\x02x\x00"),
		"write with options":     []byte("\x00\x02x\x00octet\x00tsize\x0099999999999\x00blksize\x0065464\x00"),
		"write with a long path": append([]byte{0, 2}, bytes.Repeat([]byte("../"), 400)...),
	}
}

// TestHostile checks that malformed packets neither stop the server nor start a transfer
// nor cause an event.
func TestHostile(t *testing.T) {
	b := start(t, 0)
	c := dial(t)
	for range 20 {
		for _, msg := range hostile() {
			sendPacket(t, c, b.addr, msg)
		}
		exchange(t, dialFrom(t, 2), b.addr, request("missing.efi"))
	}
	if got, err := b.get(t, "snponly.efi", 0); err != nil || !bytes.Equal(got, program) {
		t.Errorf("afterwards: %d bytes, %v", len(got), err)
	}
	b.await(t, "the fetch", func() bool {
		return slices.ContainsFunc(b.events, func(e provision.Event) bool { return e.Kind == "fetch" })
	})
	b.mu.Lock()
	for _, e := range b.events {
		if e.Kind != "fetch" && e.Kind != "no-such-file" || len(b.events) > 3 {
			t.Errorf("%d events, %+v", len(b.events), e)
		}
	}
	b.mu.Unlock()
	if n := b.said("panic"); n != 0 {
		t.Errorf("%d panics", n)
	}
	// A line a minute for each kind of offence.
	for _, text := range []string{"starts no transfer", "refused a name", "refused to take a file", "no such file"} {
		want := 1
		if text == "no such file" {
			want = 2 // of both clients
		}
		if n := b.said(text); n != want {
			t.Errorf("%q is in the log %d times", text, n)
		}
	}
}

// TestOptions checks that the answer to any options is one that RFC 2347 to 2349 allow, or
// none, and that the file is sent.
func TestOptions(t *testing.T) {
	long := strings.Repeat("9", 480)
	for name, tc := range map[string]struct {
		options []string
		want    string // the answer; "" is the first block
		first   int    // bytes of the first block then
	}{
		"none":                {nil, "", 512},
		"unknown":             {[]string{"windowsize", "4", "timeout", "1", "x", long[:400]}, "", 512},
		"tsize":               {[]string{"tsize", "0"}, "\x00\x06tsize\x0098760\x00", 0},
		"blksize":             {[]string{"blksize", "1024"}, "\x00\x06blksize\x001024\x00", 0},
		"blksize too big":     {[]string{"blksize", "65465"}, "\x00\x06blksize\x0065464\x00", 0},
		"blksize too small":   {[]string{"blksize", "7"}, "", 512},
		"blksize 0":           {[]string{"blksize", "0"}, "", 512},
		"blksize negative":    {[]string{"blksize", "-1024"}, "", 512},
		"blksize huge":        {[]string{"blksize", long}, "", 512},
		"blksize words":       {[]string{"blksize", "big"}, "", 512},
		"tsize of a client":   {[]string{"tsize", long}, "\x00\x06tsize\x0098760\x00", 0},
		"blksize in capitals": {[]string{"BLKSIZE", "1024"}, "\x00\x06blksize\x001024\x00", 0},
		"tsize in capitals":   {[]string{"TSize", "0"}, "\x00\x06tsize\x0098760\x00", 0},
		"unknown in capitals": {[]string{"WINDOWSIZE", "4"}, "", 512},
		"twice, in two cases": {[]string{"BLKSIZE", "2048", "blksize", "1024"}, "\x00\x06blksize\x001024\x00", 0},
		"an option twice":     {[]string{"blksize", "512", "blksize", "1024"}, "\x00\x06blksize\x001024\x00", 0},
		"an option cut off":   {[]string{"blksize"}, "", 512},
		"a value cut to NUL":  {[]string{"blksize", ""}, "", 512},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, 0)
			c := dial(t)
			msg, from := exchange(t, c, b.addr, request("snponly.efi", tc.options...))
			if tc.want != "" && string(msg) != tc.want {
				t.Errorf("answer %q", msg)
			}
			if tc.want == "" && (binary.BigEndian.Uint16(msg) != 3 || len(msg) != tc.first+4) {
				t.Errorf("answer %.20q, %d bytes", msg, len(msg))
			}
			sendPacket(t, c, from, []byte{0, 5, 0, 0, 0})
		})
	}
}

// TestOffenders checks that a client that asks for many bad names, or ends many transfers
// early, is reported once a minute.
func TestOffenders(t *testing.T) {
	b := start(t, 0)
	for i := range 100 {
		for _, name := range []string{fmt.Sprintf("../%d", i), fmt.Sprintf("missing-%d", i), "undionly.kpxe"} {
			if _, err := b.get(t, name, 0); err == nil {
				t.Fatalf("%s was sent", name)
			}
		}
		c := dial(t)
		_, from := exchange(t, c, b.addr, request("snponly.efi"))
		secondBlock(t, c, from)
		sendPacket(t, c, from, []byte{0, 5, 0, 3, 0})
		for range 500 { // until its place is free
			if b.srv.gate.free() {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	events := b.wait(t, 2)
	names := 0
	for _, e := range events {
		if e.Kind == "no-such-file" {
			names++
		}
	}
	if len(events) != 2+names || names != 1 || b.said("refused a name") != 1 || b.said("no such file") != 1 {
		t.Errorf("%d events, %d names refused, %d not found", len(events), b.said("refused a name"), b.said("no such file"))
	}
	b.later()
	if _, err := b.get(t, "../x", 0); err == nil {
		t.Fatal("a bad name was sent")
	}
	if n := b.said("refused a name"); n != 2 {
		t.Errorf("a minute later there are %d events", n)
	}
}

// free reports whether the gate is empty.
func (g *gate) free() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running == 0 && g.waiting == 0
}

// TestFlood checks that thousands of unacknowledged requests of one client, from one port
// and from many, use a bounded number of sockets, and that another client gets its file
// meanwhile.
func TestFlood(t *testing.T) {
	b := start(t, 0)
	before := sockets(t)
	one := dial(t)
	most := 0
	for i := range 3000 {
		c := one
		if i%10 == 0 {
			c = dial(t)
			defer c.Close()
		}
		sendPacket(t, c, b.addr, request("snponly.efi", "blksize", "1024"))
		if i%100 == 99 {
			most = max(most, sockets(t))
		}
	}
	other := dialFrom(t, 2)
	h := raw{asks: 1, acks: 1}.fetch(t, b, other, "blksize", "1024", "tsize", "0")
	if !bytes.Equal(h.file, program) {
		t.Errorf("another client got %d bytes", len(h.file))
	}
	// 302 are this test's own. Of the server's, some are of requests that it is just
	// about to refuse.
	if held := most - before - 302; held > 1000 {
		t.Errorf("the server held %d sockets for one client", held)
	}
}

// sockets counts the open files of this process.
func sockets(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// FuzzRequest sends packets to a running server, and ends any transfers that they start.
func FuzzRequest(f *testing.F) {
	for _, msg := range hostile() {
		f.Add(msg)
	}
	f.Add(request("snponly.efi", "tsize", "0", "blksize", "1468", "windowsize", "4"))
	f.Add(request("/grub/x86_64-efi/grub.cfg"))
	b := startWith(f, Options{Log: slog.New(slog.DiscardHandler)})
	buf := make([]byte, 65536)
	f.Fuzz(func(t *testing.T, msg []byte) {
		if len(msg) > 65_000 {
			return
		}
		c, probe := dial(t), dialFrom(t, 2)
		defer c.Close()
		defer probe.Close()
		sendPacket(t, c, b.addr, msg)
		// The server has read the packet once it answers the next one.
		if answer, _ := exchange(t, probe, b.addr, request("missing.efi")); !bytes.Contains(answer, []byte("file not found")) {
			t.Fatalf("another client got %q", answer)
		}
		if err := c.SetReadDeadline(time.Now().Add(2 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		for {
			n, from, err := c.ReadFromUDP(buf)
			if err != nil {
				break
			}
			switch op := binary.BigEndian.Uint16(buf); op {
			case 3, 6:
				sendPacket(t, c, from, []byte{0, 5, 0, 0, 0})
			case 5: // a panic in a handler ends in one that says "server error"
				if bytes.Contains(buf[:n], []byte(errServer.Error())) {
					t.Fatalf("the server says %q", buf[:n])
				}
			default:
				t.Fatalf("the server sent %q", buf[:n])
			}
		}
	})
}
