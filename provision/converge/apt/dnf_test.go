package apt

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestParseDnf: a table as dnf 4.14 writes it, with a name that is too long for its line.
func TestParseDnf(t *testing.T) {
	got := ParseDnf(`Last metadata expiration check: 0:00:10 ago.
Dependencies resolved.
================================================================================
 Package           Architecture        Version             Repository      Size
================================================================================
Upgrading:
 a-very-long-name-that-has-a-line-of-its-own
                   noarch              2-1                 t              5.4 k
Downgrading:
 fine              noarch              1-1                 t              5.4 k
Removing:
 ground            noarch              1-1                 @t                0
Removing dependent packages:
 addon             noarch              1-1                 @t                0

Transaction Summary
================================================================================
Remove  2 Packages
`)
	want := Plan{
		Install:   map[string]Change{"a-very-long-name-that-has-a-line-of-its-own": {}, "fine": {To: "1-1"}},
		Remove:    map[string]string{"ground": "1-1", "addon": "1-1"},
		Downgrade: []string{"fine"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func FuzzParseDnf(f *testing.F) {
	f.Add("Removing:\n a noarch 1 r 2\n\n")
	f.Fuzz(func(_ *testing.T, text string) { ParseDnf(text) })
}
