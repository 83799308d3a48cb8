package installer

import (
	"errors"
	"testing"
)

// TestEndAfter: a box in service that was armed by mistake boots its system again, whoever
// found out what its disk carries.
func TestEndAfter(t *testing.T) {
	for _, tt := range []struct {
		kind          string
		touched, told bool
		want          string
	}{
		{FailDisk, false, true, "reboot"},
		{FailScript, false, true, "reboot"},
		{FailScript, true, true, "poweroff"},
		{FailScript, false, false, "poweroff"},
		{FailDisk, false, false, "poweroff"},
		{FailImage, false, true, "poweroff"},
		{FailKickstart, false, true, "poweroff"},
	} {
		if got := endAfter(&Failure{tt.kind, errors.New("x")}, tt.touched, tt.told); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}
