package trace

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unsafe"

	"rackhand/inventory"
)

var (
	web1     = inventory.MAC{0x52, 0x54, 0, 0x77, 0, 1}
	stranger = inventory.MAC{0x52, 0x54, 0, 0x99, 0, 1}
	at130    = netip.MustParseAddr("10.77.0.130")
)

// A lab is a recorder with a clock of its own, for which web1 is a host, and holds
// 10.77.0.130.
type lab struct {
	*Recorder
	now     time.Time
	holder  inventory.MAC
	lookups int
}

func newLab() *lab {
	l := &lab{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), holder: web1}
	l.Recorder = New(Options{
		Clock: func() time.Time { return l.now },
		Known: func(m inventory.MAC) bool { return m[3] == 0x77 },
		Holder: func(a netip.Addr) (inventory.MAC, bool) {
			l.lookups++
			return l.holder, a == at130
		},
	})
	return l
}

func (l *lab) texts(macs ...inventory.MAC) []string {
	var all []string
	for _, x := range l.Lines(macs, 0) {
		all = append(all, x.Text)
	}
	return all
}

func get(path string) HTTP {
	return HTTP{Peer: at130, Method: "GET", Path: path, Status: 200, Size: -1}
}

// TestBounds checks that each box keeps its last entries, and that a flood of strangers
// removes none of a host's.
func TestBounds(t *testing.T) {
	l := newLab()
	for i := range EachBox + 50 {
		l.Record(get(fmt.Sprint("/", i)))
	}
	big := make([]byte, 4096)
	for i := range uint32(100_000) {
		mac := inventory.MAC{2, 0x99}
		binary.BigEndian.PutUint32(mac[2:], i)
		l.Record(DHCP{Box: mac, Packet: big})
	}
	if l.others.bytes > otherBytes || len(l.others.boxes) > otherBoxes || len(l.others.boxes) < 1000 {
		t.Errorf("strangers have %d bytes and %d boxes", l.others.bytes, len(l.others.boxes))
	}
	got := l.texts(web1)
	if len(got) != EachBox || !strings.HasPrefix(got[0], "HTTP GET /50:") || !strings.HasPrefix(got[EachBox-1], "HTTP GET /249:") {
		t.Errorf("%d entries: %q", len(got), got)
	}
}

// TestHostBytes checks the bounds in bytes: those of one box, and those of all hosts, where
// the oldest entry of any box makes room.
func TestHostBytes(t *testing.T) {
	l := newLab()
	big := make([]byte, 4096)
	for i := range uint32(400) {
		mac := inventory.MAC{2, 0, 0, 0x77}
		binary.BigEndian.PutUint16(mac[4:], uint16(i))
		for range 100 {
			l.Record(DHCP{Box: mac, Packet: big})
		}
		if b := l.hosts.boxes[mac]; b.bytes > boxBytes || b.bytes < boxBytes*9/10 {
			t.Fatalf("a box has %d bytes", b.bytes)
		}
	}
	if l.hosts.bytes > hostBytes || l.hosts.bytes < hostBytes*9/10 {
		t.Errorf("all hosts have %d bytes", l.hosts.bytes)
	}
	if n := len(l.texts(inventory.MAC{2, 0, 0, 0x77, 0, 0})); n != 0 {
		t.Errorf("the oldest box still has %d entries", n)
	}
	count, bytes := 0, 0
	for n := l.hosts.first; n != nil; n = n.next {
		count, bytes = count+1, bytes+n.bytes
	}
	boxed := 0
	for _, b := range l.hosts.boxes {
		for n := b.first; n != nil; n = n.later {
			boxed++
		}
	}
	if bytes != l.hosts.bytes || count != boxed {
		t.Errorf("the lists disagree: %d of %d bytes, %d of %d entries", bytes, l.hosts.bytes, count, boxed)
	}
}

// TestSizes checks that the estimates of memory aren't too small.
func TestSizes(t *testing.T) {
	if n := int(unsafe.Sizeof(node{})); n > entryBytes {
		t.Errorf("a node has %d bytes", n)
	}
	for name, x := range map[string][2]int{
		"DHCP":  {int(unsafe.Sizeof(DHCP{})), DHCP{}.size()},
		"HTTP":  {int(unsafe.Sizeof(HTTP{})), HTTP{}.size()},
		"TFTP":  {int(unsafe.Sizeof(TFTP{})), TFTP{}.size()},
		"Probe": {int(unsafe.Sizeof(Probe{})), Probe{}.size()},
		"BMC":   {int(unsafe.Sizeof(BMC{})), BMC{}.size()},
		"Log":   {int(unsafe.Sizeof(Log{})), Log{}.size()},
	} {
		if x[0] > x[1] {
			t.Errorf("%s has %d bytes, not %d", name, x[0], x[1])
		}
	}
}

// TestAlike checks that repetitions share an entry, which counts them and moves to the end.
func TestAlike(t *testing.T) {
	l := newLab()
	l.Record(get("/a"))
	first := l.Lines([]inventory.MAC{web1}, 0)[0].Seq
	for range 3 {
		l.now = l.now.Add(time.Minute)
		l.Record(get("/b"))
	}
	for range 41 {
		l.Record(Log{Peer: at130})
	}
	l.Record(get("/b"))
	for range 5 {
		l.Record(DHCP{Box: web1, Packet: make([]byte, 300), Verdict: Dropped, Why: "too fast"})
	}
	lines := l.Lines([]inventory.MAC{web1}, first)
	if len(lines) != 4 || lines[3].Times != 5 || lines[0].Times != 3 || !lines[0].Time.Equal(l.now) || !lines[0].Since.Equal(l.now.Add(-2*time.Minute)) ||
		lines[1].Text != "syslog: a line of its log" || lines[1].Times != 41 || lines[2].Times != 0 {
		t.Errorf("%+v", lines)
	}
}

// TestPackageFiles checks that the files of an install's packages don't push out how the box
// booted.
func TestPackageFiles(t *testing.T) {
	l := newLab()
	l.Record(get("/boot/ipxe"))
	for i := range 2 * EachBox {
		l.Record(get(fmt.Sprintf("/mirror/debian/p%d.deb", i)))
	}
	l.Record(get("/i/***/ks"))
	lines := l.Lines([]inventory.MAC{web1}, 0)
	if len(lines) != 3 || lines[1].Times != 2*EachBox || !strings.Contains(lines[1].Text, "the last of such files in a row") {
		t.Errorf("%+v", lines)
	}
}

// TestHolders checks how an address leads to a box: it is looked up once, and again when it
// may have changed hands; an unknown one leaves no entry.
func TestHolders(t *testing.T) {
	l := newLab()
	for range 5 {
		l.Record(get("/a"))
	}
	if l.lookups != 1 {
		t.Errorf("%d look-ups", l.lookups)
	}
	l.holder = stranger
	reply := make([]byte, 240)
	copy(reply[yiaddrAt:], at130.AsSlice())
	l.Record(DHCP{Sent: true, Box: stranger, Packet: reply})
	l.Record(get("/a"))
	if got := l.texts(stranger); len(got) != 2 {
		t.Errorf("the new holder has %q", got)
	}
	l.Record(HTTP{Peer: netip.MustParseAddr("10.77.0.99"), Method: "GET"})
	if n := len(l.hosts.boxes) + len(l.others.boxes); n != 2 {
		t.Errorf("%d boxes", n)
	}
	for i := range 10_000 {
		l.Record(HTTP{Peer: netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)}), Method: "GET"})
	}
	if l.lookups > lookupsBurst+5 {
		t.Errorf("a flood caused %d look-ups", l.lookups)
	}
}

// TestClaimed checks that a box keeps its entries when it comes into the inventory, and
// that a host has those of all its cards.
func TestClaimed(t *testing.T) {
	known := false
	l := newLab()
	l.options.Known = func(inventory.MAC) bool { return known }
	l.Record(Probe{Box: web1, Address: at130})
	known = true
	l.Record(Probe{Box: stranger, Address: at130})
	l.Record(Probe{Box: web1, Address: at130, Answers: true, By: stranger})
	want := "ARP asks which machine has 10.77.0.130|ARP asks which machine has 10.77.0.130|52:54:00:99:00:01 answers at 10.77.0.130, which this box was about to get"
	if got := strings.Join(l.texts(web1, stranger), "|"); got != want {
		t.Error(got)
	}
}

// TestChanged checks that a follower hears of each new entry, and costs nothing otherwise.
func TestChanged(t *testing.T) {
	l := newLab()
	changed := l.Changed()
	select {
	case <-changed:
		t.Error("nothing has changed")
	default:
	}
	l.Record(get("/a"))
	<-changed
	l.Record(get("/b"))
	if l.changed != nil {
		t.Error("no follower waits")
	}
	(*Recorder)(nil).Record(get("/a"))
}

// TestMask checks what is left of paths and texts that may hold a token or a query.
func TestMask(t *testing.T) {
	const token = "aB3dEfGh1JkLmN0pQrStUvWxYz234567"
	sum := strings.Repeat("0a1b", 16)
	for in, want := range map[string]string{
		"/i/" + token + "/ks":                 "/i/…/ks",
		"/i/short/ks":                         "/i/…/ks",
		"//i//" + token + "/ks":               "//i//…/ks",
		"/boot/ipxe?mac=52:54:00:00:00:01":    "/boot/ipxe?…",
		"/" + token + "?" + token:             "/…?…",
		"http://10.77.0.1/i/" + token + "/ks": "http://10.77.0.1/i/…/ks",
		"/v1/content/" + sum:                  "/v1/content/" + sum,
		"/mirror/debian/golang-github-prometheus-client-model-dev_0.2.deb": "/mirror/debian/golang-github-prometheus-client-model-dev_0.2.deb",
		"/image/debian12/vmlinuz": "/image/debian12/vmlinuz",
		"":                        "",
	} {
		if got := MaskPath(in); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
	}
	if got := MaskPath(strings.Repeat("/äb", 1000)); len(got) > pathMost+len(masked) || !strings.HasSuffix(got, masked) {
		t.Errorf("%d bytes: %q", len(got), got)
	}
	if got := MaskText("the token " + token + " of http://a/i/x is wrong"); got != "the token … of http://a/i/… is wrong" {
		t.Error(got)
	}
}

func BenchmarkRecord(b *testing.B) {
	l := newLab()
	packet := make([]byte, 320)
	macs := make([]inventory.MAC, 1000)
	for i := range macs {
		macs[i] = inventory.MAC{2, 0, 0, 0x77, byte(i >> 8), byte(i)}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l.Record(DHCP{Box: macs[i%len(macs)], Packet: packet, Client: "PXE", Verdict: "offered"})
		i++
	}
}
