package links

import (
	"context"
	"errors"
	"net"
	"testing"
)

func TestWatch(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, tc := range map[string]struct {
		name  string
		index int
		want  error
	}{
		"the same":          {"lo", lo.Index, nil},
		"another index":     {"lo", lo.Index + 1, ErrReplaced},
		"no such interface": {"rackhand-none0", 1, ErrReplaced},
	} {
		if got := Watch(ctx, tc.name, tc.index); !errors.Is(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestHasAddress(t *testing.T) {
	if HasAddress("rackhand-none0", addr("127.0.0.1")) || HasAddress("lo", addr("192.0.2.1")) {
		t.Error("found an address that isn't there")
	}
}
