package bmc

import (
	"errors"
	"strings"
	"testing"
)

func TestErrorText(t *testing.T) {
	err := &Error{Op: "set the boot device", BMC: Target{}.Address, Kind: ErrUnreachable, Err: errors.New("why")}
	for _, want := range []string{"set the boot device", "doesn't answer", "(why)", "check its address"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}
