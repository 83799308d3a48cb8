package installer

import (
	"errors"
	"testing"

	"rackhand/provision/installer/plan"
)

// TestEndAfter: a box in service that was armed by mistake boots its system again, whoever
// found out what its disk carries.
func TestEndAfter(t *testing.T) {
	for _, tt := range []struct {
		kind          string
		touched, told bool
		want          string
	}{
		{plan.FailDisk, false, true, "reboot"},
		{plan.FailScript, false, true, "reboot"},
		{plan.FailScript, true, true, "poweroff"},
		{plan.FailScript, false, false, "poweroff"},
		{plan.FailDisk, false, false, "poweroff"},
		{plan.FailImage, false, true, "poweroff"},
		{plan.FailKickstart, false, true, "poweroff"},
	} {
		if got := endAfter(&plan.Failure{Kind: tt.kind, Err: errors.New("x")}, tt.touched, tt.told); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}
