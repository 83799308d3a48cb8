package dhcp

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/provision"
	"rackhand/provision/dhcpwire"
)

// FuzzPacket compares parse and encode with the library's functions for the rewritten
// packet.
func FuzzPacket(f *testing.F) {
	for _, p := range captured(f) {
		f.Add(p)
	}
	head := discover(web1).ToBytes()[:optionsAt]
	for _, options := range []string{
		"", "\xff", "\x35\x01\x01\xff", "\x35\x01\x01", "\x35", "\x35\x05\x01", "\x00\x00\x35\x01\x01\xffrest", "\x36\x00\x0c\x00\xff",
		"\x0c\x01a\x0c\x01b\x0c\x00\xff", "\x0c\x00\x0c\x01b\xff", "\x52\x02\x01\x00\x0c\x01a\xff", "\xff\x35\x01\x01",
		"\x34\x01\x03\x35\x01\x01\xff", "\x34\x01\x01\x35\x01\x01", "\x35\x01\x01\x3d\x09\x01", "\x34\x02\x01\x01\xff",
	} {
		f.Add(append(slices.Clone(head), options...))
	}
	long := discover(web1, raw(43, strings.Repeat("x", 700)), raw(82, strings.Repeat("y", 255)), raw(12, ""))
	long.BootFileName, long.ServerHostName = strings.Repeat("f", 200), strings.Repeat("s", 100)
	f.Add(long.ToBytes())
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, packet []byte) {
		before := bytes.Clone(packet)
		got, err := parse(packet)
		plain, wantErr := dhcpwire.Plain(packet)
		var want *dhcpv4.DHCPv4
		if wantErr == nil {
			want, wantErr = dhcpv4.FromBytes(plain)
		}
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("error %v, want %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%#v\nwant %#v", got, want)
		}
		if !bytes.Equal(encode(got), want.ToBytes()) {
			t.Fatalf("%x\nwant %x", encode(got), want.ToBytes())
		}
		if messageType(got) != want.MessageType() || requestedAddr(got) != addrOf(want.RequestedIPAddress()) {
			t.Fatalf("a %s for %s, not a %s for %s", messageType(got), requestedAddr(got), want.MessageType(), want.RequestedIPAddress())
		}
		if !bytes.Equal(packet, before) {
			t.Fatal("the packet was changed")
		}
	})
}

// TestEncodeLongReply checks replies that no request looks like: a header text that is too
// long, missing addresses, and an option in several pieces.
func TestEncodeLongReply(t *testing.T) {
	p := &dhcpv4.DHCPv4{OpCode: dhcpv4.OpcodeBootReply, ClientHWAddr: web1.HardwareAddr(), Options: dhcpv4.Options{
		0: []byte("pad"), 43: bytes.Repeat([]byte("x"), 600), 61: bytes.Repeat([]byte("y"), 510), 82: []byte("z"), 119: {}, 255: []byte("end"),
	}, BootFileName: strings.Repeat("f", 200), ServerHostName: strings.Repeat("s", 100)}
	if got := encode(p); !bytes.Equal(got, p.ToBytes()) {
		t.Errorf("%x\nwant %x", got, p.ToBytes())
	}
}

// FuzzLease compares encodeLease with json.Marshal.
func FuzzLease(f *testing.F) {
	f.Add("02:00:00:00:00:01", "web1", "box", "PXEClient:Arch:00007", "", "", int64(0), 0)
	f.Add("", "a\"b", "c\\d", "<&>", "ü\x00\x7f", "\xff", int64(1<<60), 3600)
	f.Fuzz(func(t *testing.T, mac, host, name, vendor, uuid, circuit string, at int64, zone int) {
		when := time.Unix(at%(1<<38), at%1e9).In(time.FixedZone("", zone%100_000))
		l := &provision.Lease{MAC: mac, Address: "10.77.0.200", Host: host, Since: when, Expires: when.Add(time.Hour), HostName: name, Vendor: vendor, UUID: uuid}
		if circuit != "" {
			l.Relay = &provision.Relay{Address: "10.77.0.254", Circuit: circuit}
		}
		got, err := encodeLease(l)
		want, wantErr := json.Marshal(l)
		if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) {
			t.Fatalf("%s, %v\nwant %s, %v", got, err, want, wantErr)
		}
	})
}

// TestWholeLease checks that encodeLease writes every field of a lease, including future
// ones.
func TestWholeLease(t *testing.T) {
	var l provision.Lease
	fill(t, reflect.ValueOf(&l).Elem())
	got, err := encodeLease(&l)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := json.Marshal(l); !bytes.Equal(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// fill sets each field to a value.
func fill(t *testing.T, v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Kind() == reflect.String:
			f.SetString(v.Type().Field(i).Name)
		case f.Kind() == reflect.Bool:
			f.SetBool(true)
		case f.Type() == reflect.TypeFor[time.Time]():
			f.Set(reflect.ValueOf(time.Date(2026, 11, 22, 12, 0, i, 120, time.UTC)))
		case f.Kind() == reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
			fill(t, f.Elem())
		default:
			t.Fatalf("field %s: a kind that encodeLease doesn't know", v.Type().Field(i).Name)
		}
	}
}
