package catalog

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestFit(t *testing.T) {
	var r Report
	r.Host, r.Status = "web1", Failed
	const n = 2000
	for i := range n {
		status := []string{OK, Changed, Failed, Skipped}[i%4]
		r.Results = append(r.Results, Result{ID: fmt.Sprintf("file[/etc/%04d]", i), Status: status, Message: strings.Repeat("é", 400)})
	}
	whole, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ size, results int }{
		{len(whole), n}, {len(whole) - 1, n}, {300 << 10, 1000}, {150 << 10, 500}, {16 << 10, 20}, {1 << 10, 0},
	} {
		got, b, err := r.Fit(tt.size)
		if err != nil || len(b) > tt.size || len(got.Results) != tt.results || got.Status != Failed || got.Host != "web1" {
			t.Errorf("into %d bytes: %v, %d bytes, %d results", tt.size, err, len(b), len(got.Results))
		}
		if tt.results > 0 && tt.results < n && got.Results[len(got.Results)-1].Status != Failed && tt.results <= 500 {
			t.Errorf("into %d bytes: the failed ones don't stay", tt.size)
		}
	}
	if _, _, err := r.Fit(10); err == nil {
		t.Error("it fits into 10 bytes")
	}
	if len(r.Results) != n || len(r.Results[0].Message) != 800 {
		t.Error("the report itself was changed")
	}
}

// TestFitMany: the report of the largest catalog with nothing to change fits into what agents
// and the appliance keep. It still counts all resources.
func TestFitMany(t *testing.T) {
	r := Report{Host: "web1", Status: OK}
	for i := range MaxResources {
		r.Results = append(r.Results, Result{ID: fmt.Sprintf("file[/etc/nginx/sites-enabled/site%05d]", i), Status: OK, Seconds: 0.000123456})
	}
	got, b, err := r.Fit(512 << 10)
	if err != nil || len(b) > 512<<10 || got.Count().OK != MaxResources || got.Shortened.Results != MaxResources {
		t.Errorf("%v, %d bytes, %+v", err, len(b), got.Totals)
	}
	if back, err := DecodeReport(b); err != nil || back.Count().OK != MaxResources {
		t.Errorf("%v, %+v", err, back.Count())
	}
}

func TestDecodeReport(t *testing.T) {
	for text, want := range map[string]int{
		`{"status":"ok","results":[{"id":"a","status":"ok"}],"started":"2026-01-01T00:00:00Z"}`: 1,
		`{"status":"ok","results":[]}`:   0,
		`{"status":"ok","results":null}`: 0,
		`{"status":"failed"}`:            0,
		`{"status":"fine"}`:              -1,
		`{"results":[{}]}`:               -1,
		`{"status":"ok","results":{}}`:   -1,
		`{"status":"ok","results":[1]}`:  -1,
		`[]`:                             -1,
		``:                               -1,
		`{"status":"ok","results":[` + strings.Repeat(`{},`, MaxResources) + `{}]}`: -1,
	} {
		r, err := DecodeReport([]byte(text))
		if (err != nil) != (want < 0) || err == nil && len(r.Results) != want {
			t.Errorf("%.80s: %d results, %v", text, len(r.Results), err)
		}
	}
}

// A text that becomes many small things takes no more memory than its size allows.
func TestDecodeReportIsBounded(t *testing.T) {
	bomb := []byte(`{"status":"ok","results":[` + strings.Repeat(`{},`, 300000) + `{}]}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := DecodeReport(bomb); err == nil {
		t.Error("300,000 results were taken")
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 8*uint64(len(bomb)) {
		t.Errorf("%d bytes were allocated for %d", took, len(bomb))
	}
}

func FuzzDecodeReport(f *testing.F) {
	f.Add([]byte(`{"host":"web1","status":"ok","results":[{"id":"a","status":"ok","seconds":1.5}]}`))
	f.Add([]byte(`{"status":"failed","results":null,"error":"x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeReport(b)
		if err != nil {
			return
		}
		if _, kept, err := r.Fit(4096); err != nil || len(kept) > 4096 {
			t.Fatalf("%d bytes: %v", len(kept), err)
		}
	})
}
