package catalog

import (
	"encoding/json"
	"testing"
)

func TestExitCode(t *testing.T) {
	results := func(status ...string) (out []Result) {
		for _, s := range status {
			out = append(out, Result{Status: s})
		}
		return out
	}
	for name, tt := range map[string]struct {
		r    Report
		want int
	}{
		"nothing to do":          {Report{Status: OK, Results: results(OK, OK)}, 0},
		"no resources":           {Report{Status: OK}, 0},
		"a restart waits":        {Report{Status: OK, Results: results(OK, Pending)}, 0},
		"changed":                {Report{Status: Changed, Results: results(OK, Changed)}, 2},
		"a dry run can't tell":   {Report{Status: Changed, Results: results(Unknown), Noop: true}, 2},
		"a secret is away":       {Report{Status: OK, Results: results(OK, Unknown)}, 0},
		"failed":                 {Report{Status: Failed, Results: results(OK, Failed)}, 4},
		"skipped":                {Report{Status: Failed, Results: results(Skipped)}, 4},
		"both":                   {Report{Status: Failed, Results: results(Changed, Failed)}, 6},
		"no catalog":             {Report{Status: Failed, Error: "refused"}, 1},
		"its state is not kept":  {Report{Status: Failed, Error: "full", Results: results(Changed)}, 1},
		"no results":             {Report{Status: Failed}, 1},
		"disabled":               {Report{Status: Failed, Disabled: &Disabled{}}, 1},
		"results were left out":  {Report{Status: Failed, Results: results(Changed)}, 6},
		"details were left out,": {Report{Status: Changed, Results: results(OK)}, 2},
	} {
		if got := tt.r.ExitCode(); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
	for _, tt := range []struct {
		codes []int
		want  int
	}{{nil, 0}, {[]int{0, 0}, 0}, {[]int{0, 2}, 2}, {[]int{2, 4}, 6}, {[]int{4, 0, 6}, 6}, {[]int{6, 1, 4}, 1}} {
		if got := WorstExit(tt.codes...); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.codes, got, tt.want)
		}
	}
}

// TestWith: the windows are part of what a catalog's version names, and older agents can
// read a catalog that has them.
func TestWith(t *testing.T) {
	c := Catalog{Host: "web1", Version: "0123456789abcdef"}
	same, err := c.With(nil)
	if err != nil || same.Version != c.Version || same.Maintenance != nil {
		t.Errorf("%+v, %v", same, err)
	}
	versions := map[string]bool{c.Version: true}
	for _, m := range []Maintenance{{Windows: []string{"Sat 02:00-04:00"}}, {Windows: []string{"Sat 02:00-04:00"}, Zone: "Europe/Berlin"}, {Windows: []string{"Sat 02:00-05:00"}}} {
		got, err := c.With(&m)
		if err != nil || versions[got.Version] || len(got.Version) != 16 || got.Maintenance == nil {
			t.Errorf("%+v: %+v, %v", m, got, err)
		}
		versions[got.Version] = true
		second, err := got.ByHash()
		if err != nil || versions[second.Version] || second.Maintenance == nil {
			t.Errorf("%+v in format 2: %+v, %v", m, second, err)
		}
		versions[second.Version] = true
		b, err := json.Marshal(second)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(b); err != nil || back.Maintenance == nil || len(back.Maintenance.Windows) != 1 {
			t.Errorf("read back: %+v, %v", back, err)
		}
	}
}
