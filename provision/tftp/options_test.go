package tftp

import (
	"bytes"
	"encoding/binary"
	"maps"
	"net/netip"
	"strings"
	"testing"
)

// TestOptionNames checks that option names are accepted in any case (RFC 2347), and that
// both options are acknowledged in one packet.
func TestOptionNames(t *testing.T) {
	b := start(t, 0)
	for _, names := range [][2]string{{"blksize", "tsize"}, {"BLKSIZE", "TSIZE"}, {"BlkSize", "tSIZE"}} {
		oack, from := exchange(t, dial(t), b.addr, request("snponly.efi", names[0], "1024", names[1], "0"))
		if binary.BigEndian.Uint16(oack) != 6 || !bytes.Contains(oack, []byte("tsize\x0098760\x00")) || !bytes.Contains(oack, []byte("blksize\x001024\x00")) {
			t.Errorf("%q: %q", names, oack)
		}
		c := dial(t)
		sendPacket(t, c, from, []byte{0, 5, 0, 0, 0})
		if h := (raw{asks: 1, acks: 1}).fetch(t, b, c, names[0], "1024", names[1], "0"); !bytes.Equal(h.file, program) {
			t.Errorf("%q: %d bytes", names, len(h.file))
		}
	}
}

// TestLargestBlock checks that a block with its headers fits the network's mtu.
func TestLargestBlock(t *testing.T) {
	for mtu, want := range map[int]string{
		0:      "blksize\x008192\x00", // loopback's own alone, 65535 as the kernel says it
		1500:   "blksize\x001468\x00",
		1400:   "blksize\x001368\x00",
		576:    "blksize\x00544\x00",
		400:    "blksize\x00512\x00", // none is smaller
		100000: "blksize\x008192\x00",
	} {
		b := startWith(t, Options{MTU: func(peer netip.Addr) int {
			if peer != netip.MustParseAddr("127.0.0.1") {
				t.Errorf("asked about %s", peer)
			}
			return mtu
		}})
		c := dial(t)
		oack, from := exchange(t, c, b.addr, request("snponly.efi", "blksize", "8192"))
		if string(oack) != "\x00\x06"+want {
			t.Errorf("mtu %d: %q", mtu, oack)
		}
		sendPacket(t, c, from, []byte{0, 5, 0, 0, 0})
	}
	if got := mtuTo(netip.MustParseAddr("127.0.0.1")); got != 65535 {
		t.Errorf("loopback's MTU is %d", got)
	}
	if got := mtuTo(netip.Addr{}); got != usualMTU {
		t.Errorf("the MTU without an address is %d", got)
	}
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		name     string
		in, want map[string]string
	}{
		{"nothing", map[string]string{}, map[string]string{}},
		{"as it is", map[string]string{"blksize": "1024", "tsize": "0"}, map[string]string{"blksize": "1024", "tsize": "0"}},
		{"too big", map[string]string{"blksize": "1472"}, map[string]string{"blksize": "1468"}},
		{"beyond RFC 2348", map[string]string{"BLKSIZE": "70000"}, map[string]string{"blksize": "1468"}},
		{"no number", map[string]string{"blksize": "1472x"}, map[string]string{"blksize": "1472x"}},
		{"a size where none is due", map[string]string{"TSIZE": "77"}, map[string]string{"tsize": "0"}},
		{"others stay for the library to drop", map[string]string{"WINDOWSIZE": "4"}, map[string]string{"WINDOWSIZE": "4"}},
		{"the plain name wins", map[string]string{"BLKSIZE": "600", "blksize": "700", "blksizE": "800"}, map[string]string{"blksize": "700"}},
	} {
		if fit(tt.in, 1500-overhead); !maps.Equal(tt.in, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, tt.in, tt.want)
		}
	}
}

// FuzzFit checks that the options that remain for the library are within its bounds.
func FuzzFit(f *testing.F) {
	f.Add("BLKSIZE\x001472\x00tsize\x000", 1468)
	f.Add("blksize\x0099999999999999999999\x00Tsize\x00-1", 0)
	f.Fuzz(func(t *testing.T, request string, most int) {
		options := map[string]string{}
		words := strings.Split(request, "\x00")
		for i := 0; i+1 < len(words); i += 2 {
			options[words[i]] = words[i+1]
		}
		fit(options, most)
		for name := range options {
			if known := strings.ToLower(name); name != known && (known == "blksize" || known == "tsize") {
				t.Errorf("%q is left", name)
			}
		}
	})
}
