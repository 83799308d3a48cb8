package tftp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"

	"rackhand/provision"
)

// flooded returns the sums of events that the server held back.
func (b *testServer) flooded() []provision.Event {
	b.later()
	return b.srv.Flood.Over()
}

// known is every address: those of the inventory.
func known(netip.Addr) bool { return true }

// TestFloodOfStrangers checks that unknown addresses, which may be forged, don't suppress the
// events of a known one.
func TestFloodOfStrangers(t *testing.T) {
	b := startWith(t, Options{Known: func(a netip.Addr) bool { return a == netip.MustParseAddr("127.0.0.1") }})
	b.srv.failed.Most = 1
	ask := func(from net.IP) {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: from})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		exchange(t, c, b.addr, request("pxelinux.0"))
	}
	for i := range 20 {
		ask(net.IPv4(127, 0, 9, byte(i+1)))
	}
	ask(net.IPv4(127, 0, 0, 1))
	b.await(t, "the event of the known one", func() bool {
		return slices.ContainsFunc(b.events, func(e provision.Event) bool { return e.Fields["address"] == "127.0.0.1" })
	})
}

// TestNoSuchFile checks which names leave an event, of which level, and that a name counts
// once a minute.
func TestNoSuchFile(t *testing.T) {
	b := startWith(t, Options{Known: known})
	for _, name := range []string{
		"pxelinux.0", "/pxelinux.0", "pxelinux.cfg/default", "pxelinux.cfg/01-52-54-00-00-00-01", "bootx64.efi\xff", `\Boot\x64\wdsnbp.com`, "mmx64.efi",
		"grub/x86_64-efi/fs.lst", "grub/grub.cfg-01-52-54-00-00-00-01", "revocations_sbat.efi", "shim_certificate_0.efi", "autoexec.ipxe", "ipxe/52:54:00:00:00:01",
	} {
		if _, err := b.get(t, name, 0); err == nil {
			t.Fatalf("%s was sent", name)
		}
	}
	want := []string{
		"warn pxelinux.0", "warn pxelinux.cfg/default", `warn bootx64.efi\xff`, "warn Boot/x64/wdsnbp.com", "warn mmx64.efi",
		" grub/x86_64-efi/fs.lst", " grub/grub.cfg-01-52-54-00-00-00-01", " revocations_sbat.efi", " shim_certificate_0.efi", " autoexec.ipxe", " ipxe/52:54:00:00:00:01",
	}
	events := b.wait(t, len(want))
	for i, e := range events {
		if got := e.Level + " " + e.Fields["name"]; i >= len(want) || got != want[i] || e.Kind != "no-such-file" || e.Host != "web1" || e.Fields["address"] != "127.0.0.1" {
			t.Errorf("event %d: %+v", i, e)
		}
	}
}

// TestStoppedWhere checks the events of transfers that break at different places: before any
// answer, after the option exchange, and after some blocks.
func TestStoppedWhere(t *testing.T) {
	for name, tc := range map[string]struct {
		options []string
		acks    int // how many packets the client acknowledges
		ends    []byte
		want    string
	}{
		"no answer":               {nil, 0, nil, "0 bytes, 0 packets of 512: silence"},
		"no answer to options":    {[]string{"blksize", "1024"}, 0, nil, "0 bytes, 0 packets of 1024: silence"},
		"options, and no block":   {[]string{"blksize", "1024"}, 1, []byte{0, 5, 0, 3, 0}, "0 bytes, 1 packets of 1024: error"},
		"two blocks, after those": {[]string{"blksize", "1024"}, 3, []byte{0, 5, 0, 3, 0}, "2048 bytes, 3 packets of 1024: error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // silence takes 2 s
			b := start(t, 0)
			c := dial(t)
			msg, tid := exchange(t, c, b.addr, request("snponly.efi", tc.options...))
			for range tc.acks {
				block := int(msg[2])<<8 + int(msg[3])
				if msg[1] == 6 {
					block = 0
				}
				for next := block; next == block; {
					if msg, _ = exchange(t, c, tid, ack(block)); msg[1] == 3 {
						next = int(msg[2])<<8 + int(msg[3])
					}
				}
			}
			if tc.ends != nil {
				sendPacket(t, c, tid, tc.ends)
			}
			f := b.wait(t, 1)[0].Fields
			if got := fmt.Sprintf("%s bytes, %s packets of %s: %s", f["bytes"], f["packets"], f["blksize"], f["why"]); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// TestAskedAgainElsewhere checks that a transfer which the client never answered is no event
// if the client went on from another port meanwhile, as boot ROMs do after they have asked
// for the size.
func TestAskedAgainElsewhere(t *testing.T) {
	t.Parallel() // it waits for 2 s
	b := start(t, 0)
	exchange(t, dial(t), b.addr, request("snponly.efi", "tsize", "0"))
	if _, err := b.get(t, "snponly.efi", 0); err != nil {
		t.Fatal(err)
	}
	b.await(t, "the end of the first transfer", func() bool { return b.srv.gate.free() })
	if events := b.wait(t, 1); len(events) != 1 || events[0].Kind != "fetch" {
		t.Errorf("events %+v", events)
	}
}

// TestOurOwnFault checks that a file that can't be read further is our failure, not the
// client's, and that a server that stops leaves no event.
func TestOurOwnFault(t *testing.T) {
	b := start(t, 0)
	if _, err := b.get(t, "unreadable.efi", 0); err == nil {
		t.Fatal("it was sent")
	}
	if e := b.wait(t, 1)[0]; e.Kind != "fetch-failed" || e.Level != provision.LevelError {
		t.Errorf("event %+v", e)
	}
}

// unreadable breaks off after a block.
type unreadable struct{ file }

func (u unreadable) Read(p []byte) (int, error) {
	if at, _ := u.Seek(0, 1); at > 0 {
		return 0, errors.New("input/output error")
	}
	return u.file.Read(p)
}

func TestClientError(t *testing.T) {
	for text, want := range map[string]string{
		"sending block 3: code=3, error: disk\nfull": `3 disk\nfull`,
		"sending block 0: code=0, error: ":           "0 ",
		"sending block 3: code=x, error: y":          "",
		"read udp: code=3, error: z":                 "",
		"timeout":                                    "",
	} {
		code, said, ok := clientError(errors.New(text))
		if got := fmt.Sprint(code, " ", said); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
}
