package tftp

import (
	"errors"
	"net/netip"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	pin "github.com/pin/tftp/v3"

	"rackhand/provision/trace"
)

// TestTrace checks what a trace has of each request: its beginning and its end, or why it
// was refused.
func TestTrace(t *testing.T) {
	var mu sync.Mutex
	var got []trace.TFTP
	b := startWith(t, Options{Trace: func(f trace.Fact) {
		mu.Lock()
		defer mu.Unlock()
		x := f.(trace.TFTP)
		x.Took = 0
		if x.Err != nil {
			x.Err = errors.New("an error")
		}
		got = append(got, x)
	}})
	seen := func(n int) func() bool {
		return func() bool { mu.Lock(); defer mu.Unlock(); return len(got) >= n }
	}
	if _, err := b.get(t, "snponly.efi", 1468); err != nil {
		t.Fatal(err)
	}
	b.await(t, "the fetch is traced", seen(2))
	for _, name := range []string{"nosuch", "../up", "i/aB3dEfGh1JkLmN0pQrStUvWxYz234567?x", "broken.efi"} {
		if _, err := b.get(t, name, 0); err == nil {
			t.Errorf("%s was sent", name)
		}
	}
	b.await(t, "the refusals are traced", seen(6))
	c := dial(t)
	_, from := exchange(t, c, b.addr, request("snponly.efi"))
	secondBlock(t, c, from)
	sendPacket(t, c, from, []byte{0, 5, 0, 3, 'f', 'u', 'l', 'l', 0})
	b.await(t, "the broken transfer is traced", seen(8))
	client, err := pin.NewClient(b.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Send("upload", "octet"); err == nil {
		t.Error("a file was taken")
	}
	b.await(t, "the upload is traced", seen(9))

	peer, size, failed := netip.MustParseAddr("127.0.0.1"), int64(len(program)), errors.New("an error")
	want := []trace.TFTP{
		{Peer: peer, Name: "snponly.efi", Result: trace.TFTPBegan, Size: size},
		{Peer: peer, Name: "snponly.efi", Result: trace.TFTPSent, Bytes: size, Size: size},
		{Peer: peer, Name: "nosuch", Result: trace.TFTPRefused, Err: failed},
		{Peer: peer, Name: "../up", Result: trace.TFTPRefused, Err: failed},
		{Peer: peer, Name: "i/…?…", Result: trace.TFTPRefused, Err: failed},
		{Peer: peer, Name: "broken.efi", Result: trace.TFTPRefused, Err: failed},
		{Peer: peer, Name: "snponly.efi", Result: trace.TFTPBegan, Size: size},
		{Peer: peer, Name: "snponly.efi", Result: trace.TFTPStopped, Bytes: 512, Size: size, Err: failed},
		{Peer: peer, Name: "upload", Result: trace.TFTPRefused, Err: failed},
	}
	mu.Lock()
	defer mu.Unlock()
	equal := cmp.Comparer(func(a, b error) bool { return (a == nil) == (b == nil) })
	if diff := cmp.Diff(want, got, equal, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}
