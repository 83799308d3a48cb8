package catalog

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// What was cut or left out to fit is said, and counted by whoever cuts: the agent first,
// then the appliance. The totals stay those of the whole.
func TestFitSaysSo(t *testing.T) {
	r := Report{Host: "web1", Status: Failed}
	for i := range 1000 {
		x := Result{ID: fmt.Sprintf("file[/etc/%04d]", i), Status: []string{OK, Changed, Failed, Skipped}[i%4], Message: strings.Repeat("x", 300)}
		if x.Status == Changed && i < 40 {
			x.Cause = CauseDrift
		}
		r.Results = append(r.Results, x)
	}
	r.SetTotals()
	for _, tt := range []struct {
		size int
		want string
	}{
		{1 << 20, `null`},
		{220 << 10, `{"texts":1000}`},
		{120 << 10, `{"texts":1000,"results":500}`},
		{60 << 10, `{"texts":1000,"results":750}`},
		{8 << 10, `{"texts":1000,"results":980}`},
		{2 << 10, `{"texts":1000,"results":1000}`},
	} {
		got, sent, err := r.Fit(tt.size)
		if err != nil {
			t.Fatal(err)
		}
		read, err := DecodeReport(sent)
		if err != nil {
			t.Fatal(err)
		}
		if read, _, err = read.Fit(tt.size); err != nil { // once more, by the appliance
			t.Fatal(err)
		}
		said, _ := json.Marshal(read.Shortened)
		n := read.Count()
		if string(said) != tt.want || n.Drifted == nil || *n.Drifted != 10 || n.Resources() != 1000 || n.Failed != 250 {
			t.Errorf("into %d bytes: it says %s, want %s; %+v of %d", tt.size, said, tt.want, n, len(got.Results))
		}
	}
}

func TestCount(t *testing.T) {
	three, minus := 3, -1
	for name, tt := range map[string]struct {
		report  Report
		ok      int
		changed int
		drifted int // -1: no claim
	}{
		"an old agent's":             {Report{Results: []Result{{Status: OK}, {Status: Changed}}}, 1, 1, -1},
		"an old agent's, with a lie": {Report{Results: []Result{{Status: Changed, Cause: CauseDrift}}}, 0, 1, -1},
		"nothing drifted":            {Report{Totals: &Totals{Drifted: new(int)}, Results: []Result{{Status: OK}}}, 1, 0, 0},
		"whole: results count":       {Report{Totals: &Totals{OK: 7, Drifted: &three}, Results: []Result{{Status: Changed, Cause: CauseDrift}}}, 0, 1, 1},
		"shortened: totals count":    {Report{Totals: &Totals{OK: 7, Changed: 4, Drifted: &three}, Shortened: &Shortened{Results: 11}}, 7, 4, 3},
		"shortened, an old agent's":  {Report{Totals: &Totals{OK: 7}, Shortened: &Shortened{Results: 7}}, 7, 0, -1},
		"bounded":                    {Report{Totals: &Totals{OK: 1 << 40, Changed: -5, Drifted: &three}, Shortened: &Shortened{Results: 1}}, MaxResources, 0, 0},
		"bounded below":              {Report{Totals: &Totals{Changed: 1, Drifted: &minus}, Shortened: &Shortened{Results: 1}}, 0, 1, 0},
	} {
		n := tt.report.Count()
		drifted := -1
		if n.Drifted != nil {
			drifted = *n.Drifted
		}
		if n.OK != tt.ok || n.Changed != tt.changed || drifted != tt.drifted {
			t.Errorf("%s: %+v, %d drifted", name, n, drifted)
		}
	}
}

// An earlier report lists what happened, and counts what held.
func TestEarlier(t *testing.T) {
	r := Report{Status: Changed, Results: []Result{{ID: "a", Status: OK}, {ID: "b", Status: Changed, Message: "x"}}}
	e, err := r.Earlier(16 << 10)
	if err != nil || len(e.Results) != 1 || e.Count().OK != 1 || e.Count().Changed != 1 || e.Count().Drifted != nil || len(r.Results) != 2 || r.Totals != nil {
		t.Errorf("%v %+v", err, e)
	}
}
