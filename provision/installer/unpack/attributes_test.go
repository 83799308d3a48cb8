package unpack

import (
	"maps"
	"testing"
)

// An image can't make the list of lost attributes grow without bounds.
func TestLose(t *testing.T) {
	x := &extractor{lost: map[string]int{}}
	for range 3 {
		x.noteLost("user.a")
	}
	x.noteLost("security.selinux")
	if want := map[string]int{"user.a": 3, "security.selinux": 1}; !maps.Equal(x.lost, want) {
		t.Errorf("got %v, want %v", x.lost, want)
	}
	for i := range 1000 {
		x.noteLost(string(rune('a' + i)))
	}
	if len(x.lost) > 21 || x.lost["others"] < 980 {
		t.Errorf("%d names are kept, %d others", len(x.lost), x.lost["others"])
	}
}
