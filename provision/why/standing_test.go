package why

import (
	"testing"
	"time"

	"rackhand/provision"
)

func TestStanding(t *testing.T) {
	refused := func(e provision.Event) bool { return e.Kind == "token-refused" }
	for _, tc := range []struct {
		name    string
		journal []string
		want    uint64 // the event's number; 0: none
	}{
		{"none", healthy[:10], 0},
		{"the box does nothing more", append(healthy[:9:9], "106s http token-refused!"), 10},
		{"what the appliance says ends none", append(healthy[:9:9], "106s http token-refused!", "20m appliance late!", "21m appliance stalled!"), 10},
		{"a renewed lease", append(healthy[:9:9], "106s http token-refused!", "10m dhcp ack client=other"), 10},
		{"it boots again and comes as far", append(healthy[:9:9], "106s http token-refused!",
			"200s dhcp ack addressed client=PXE", "201s tftp fetch bootfile", "203s http attempt script", "205s http fetch kernel file=vmlinuz"), 10},
		{"refused twice", append(healthy[:9:9], "106s http token-refused!", "300s http token-refused!"), 11},
		{"it got further", append(healthy[:9:9], "106s http token-refused!", "127s installer started installer"), 0},
		{"it got further in another boot", append(healthy[:9:9], "106s http token-refused!",
			"200s dhcp ack addressed client=PXE", "203s http attempt script", "227s installer started installer"), 0},
		{"one that it got past, and a new one", append(healthy[:9:9], "106s http token-refused!", "127s installer started installer", "130s http token-refused!"), 12},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tell(caseOf(t, tc.journal...), start.Add(time.Hour)).standing(refused)
			if got == nil && tc.want != 0 || got != nil && got.Seq != tc.want {
				t.Errorf("%+v, want event %d", got, tc.want)
			}
		})
	}
}
