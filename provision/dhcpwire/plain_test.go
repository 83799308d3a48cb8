package dhcpwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

const (
	discover = "\x35\x01\x01"
	class    = "\x3c\x09PXEClient"
	arch     = "\x5d\x02\x00\x07"
	stop     = "\xff"
)

// packet is a request with these options and header fields.
func packet(options, file, sname string) []byte {
	b := make([]byte, optionsAt, 600)
	b[0], b[1], b[2] = 1, 1, 6
	copy(b[28:], "\x52\x54\x00\x00\x00\x01")
	copy(b[nameAt:fileAt], sname)
	copy(b[fileAt:cookieAt], file)
	binary.BigEndian.PutUint32(b[cookieAt:], cookie)
	return append(b, options...)
}

func TestPlain(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		options, file, sname string
		want                 string // options; "" is ErrBroken
		keeps                bool   // file and sname are unchanged
	}{
		{"plain", discover + class + stop, "f", "s", discover + class + stop, true},
		{"plain, padded", "\x00" + discover + stop + "\x00\x00", "f", "s", "\x00" + discover + stop + "\x00\x00", true},
		{"plain, without a type", class + stop, "f", "s", class + stop, true},
		{"no End", discover + class, "f", "s", discover + class + stop, true},
		{"no End, zero padded", discover + class + "\x00\x00\x00", "f", "s", discover + class + "\x00\x00\x00" + stop, true},
		{"the last option is cut off", discover + class + "\x3d\x09\x01\x02", "f", "s", discover + class + stop, true},
		{"the last option has no length", discover + class + "\x3d", "f", "s", discover + class + stop, true},
		{"cut off before the type", class + "\x3d\x09\x01" + discover, "f", "s", "", true},
		{"the type is cut off", class + "\x35\x01", "f", "s", "", true},
		{"a type of two bytes, no End", "\x35\x02\x01\x01", "f", "s", "", true},
		{"no End, no type", class, "f", "s", "", true},
		{"options in file", "\x34\x01\x01" + discover + stop, class + arch + stop, "s", "\x34\x01\x01" + discover + class + arch + stop, false},
		{"options in sname", "\x34\x01\x02" + discover + stop, "f", class + stop, "\x34\x01\x02" + discover + class + stop, false},
		{"options in both: file comes first", "\x34\x01\x03" + discover + stop, class + stop, arch + stop, "\x34\x01\x03" + discover + class + arch + stop, false},
		{"the type in file", "\x34\x01\x01" + stop, discover + stop, "", "\x34\x01\x01" + discover + stop, false},
		{"no End anywhere", "\x34\x01\x01" + discover, class, "", "\x34\x01\x01" + discover + class + strings.Repeat("\x00", 128-len(class)) + stop, false},
		{"cut off in file", "\x34\x01\x02" + discover + stop, "", class + "\x00" + strings.Repeat("\x3d\x10xxxxxxxxxxxxxxxx", 9), "\x34\x01\x02" + discover + class + "\x00" + strings.Repeat("\x3d\x10xxxxxxxxxxxxxxxx", 2) + stop, false},
		{"52 of two bytes", "\x34\x02\x01\x01" + discover + stop, class + stop, "", "\x34\x02\x01\x01" + discover + stop, true},
		{"52 says 4", "\x34\x01\x04" + discover + stop, class + stop, "", "\x34\x01\x04" + discover + stop, true},
		{"52 says 0", "\x34\x01\x00" + discover + stop, class + stop, "", "\x34\x01\x00" + discover + stop, true},
		{"52 in file", "\x34\x01\x01" + discover + stop, "\x34\x01\x02" + class + stop, discover, "\x34\x01\x01" + discover + "\x34\x01\x02" + class + stop, false},
		{"52 behind the break", discover + "\x3d\x09\x34\x01\x01", class + stop, "", discover + stop, true},
		{"no options", "", "f", "s", "\x00", true},
	} {
		p := packet(tt.options, tt.file, tt.sname)
		before := bytes.Clone(p)
		got, err := Plain(p)
		if !bytes.Equal(p, before) {
			t.Errorf("%s: the packet was changed", tt.name)
		}
		if tt.want == "" {
			if !errors.Is(err, ErrBroken) {
				t.Errorf("%s: % x, %v", tt.name, got, err)
			}
			continue
		}
		if tt.options == "" {
			tt.want = ""
		}
		if err != nil || string(got[optionsAt:]) != tt.want {
			t.Errorf("%s: %q, %v", tt.name, got[min(len(got), optionsAt):], err)
			continue
		}
		if kept := bytes.Equal(got[:optionsAt], before[:optionsAt]); kept != tt.keeps {
			t.Errorf("%s: the header stays: %v", tt.name, kept)
		}
	}
	for _, p := range [][]byte{nil, {1}, make([]byte, optionsAt), make([]byte, 300)} {
		if got, err := Plain(p); err != nil || !bytes.Equal(got, p) {
			t.Errorf("not DHCP, %d bytes: %d bytes, %v", len(p), len(got), err)
		}
	}
}

// FuzzPlain checks that the result is plain and that the library reads it. A packet that
// the library reads already, with all options in one field, must stay unchanged.
func FuzzPlain(f *testing.F) {
	f.Add(packet("\x34\x01\x03"+discover, class, arch+stop))
	f.Add(packet(discover+class+"\x3d\x09\x01", "", ""))
	f.Add(packet(class, "", ""))
	f.Fuzz(func(t *testing.T, p []byte) {
		before := bytes.Clone(p)
		got, err := Plain(p)
		if !bytes.Equal(p, before) {
			t.Fatal("the packet was changed")
		}
		want, wantErr := dhcpv4.FromBytes(p)
		if err != nil {
			if wantErr == nil {
				t.Fatalf("the library reads %s", want.Summary())
			}
			return
		}
		again, err := Plain(got)
		if err != nil || wantErr == nil && want.Options[overload] == nil && !bytes.Equal(got, p) {
			t.Fatalf("% x became % x, %v", p, got, err)
		}
		read, err := dhcpv4.FromBytes(got)
		if (err == nil) != (wantErr == nil) && err != nil {
			t.Fatalf("% x: %v", got, err)
		}
		if err == nil && !bytes.Equal(got, p) && want != nil && len(read.Options) < len(want.Options) {
			t.Fatalf("options were lost: %s, now %s", want.Summary(), read.Summary())
		}
		_ = again
	})
}
