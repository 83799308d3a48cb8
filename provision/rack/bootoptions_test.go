package rack

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"
)

func bareBox() *Box {
	return &Box{
		opts: goodBox(), log: slog.New(slog.DiscardHandler), boot: newBootState(BootPXE),
		clock: func() time.Time { return time.Unix(1e9, 0) },
	}
}

func TestBootOptions(t *testing.T) {
	b := bareBox()
	set := func(req ...byte) types.CompletionCode {
		_, cc, err := b.handleSetBootOptions(context.Background(), nil, req)
		if err != nil {
			t.Fatal(err)
		}
		return cc
	}
	get := func(param byte) ([]byte, types.CompletionCode) {
		resp, cc, err := b.handleGetBootOptions(context.Background(), nil, []byte{param, 0, 0})
		if err != nil {
			t.Fatal(err)
		}
		return resp, cc
	}
	for _, tt := range []struct {
		name string
		req  []byte
		cc   types.CompletionCode
		read []byte // of that parameter afterwards
	}{
		{"nothing", nil, types.CodeRequestDataTruncated, nil},
		{"set in progress", []byte{0, 1}, types.CodeOK, []byte{1, 0, 1}},
		{"no such parameter", []byte{6, 1}, types.CodeParameterNotSupported, nil},
		{"valid bit clearing", []byte{3, 0x08}, types.CodeOK, []byte{1, 3, 0x08}},
		{"acknowledge: only the bits named", []byte{4, 0x01, 0xff}, types.CodeOK, []byte{1, 4, 0, 1}},
		{"flags, every bit", []byte{5, 0xe0, 0xc4, 1, 2, 3}, types.CodeOK, []byte{1, 5, 0xe0, 0xc4, 1, 2, 3}},
		{"flags too short", []byte{5, 0xe0}, types.CodeRequestDataLengthInvalid, []byte{1, 5, 0xe0, 0xc4, 1, 2, 3}},
		{"only marked valid", []byte{5}, types.CodeOK, []byte{1, 5, 0xe0, 0xc4, 1, 2, 3}},
	} {
		if cc := set(tt.req...); cc != tt.cc {
			t.Errorf("%s: code %v, want %v", tt.name, cc, tt.cc)
		}
		if tt.read == nil {
			continue
		}
		if resp, cc := get(tt.req[0]); cc != types.CodeOK || !bytes.Equal(resp, tt.read) {
			t.Errorf("%s: reads % x (%v), want % x", tt.name, resp, cc, tt.read)
		}
	}
	if _, cc := get(7); cc != types.CodeParameterNotSupported {
		t.Errorf("parameter 7: code %v", cc)
	}
}

func FuzzBootOptions(f *testing.F) {
	f.Add([]byte{5, 0x80, 4, 0, 0, 0})
	f.Add([]byte{0x85})
	f.Fuzz(func(t *testing.T, req []byte) {
		b := bareBox()
		_, _, _ = b.handleSetBootOptions(context.Background(), nil, req)
		resp, cc, err := b.handleGetBootOptions(context.Background(), nil, req)
		if err != nil || cc == types.CodeOK && len(resp) < 3 {
			t.Errorf("% x: % x, %v, %v", req, resp, cc, err)
		}
		if d := b.boot.start(b.clock()); d != BootPXE && d != BootDisk {
			t.Errorf("boots from %q", d)
		}
	})
}
