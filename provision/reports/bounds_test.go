package reports

import (
	"fmt"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/provision/catalog"
)

// TestPlainSize: large reports that are nearly the same pack well. They are bounded by their
// plain size too, so that the record can be read again.
func TestPlainSize(t *testing.T) {
	keep := config.Default().Keep
	keep.Reports = 1000
	b := New(Options{Keep: keep, Counted: func() time.Time { return time.Time{} }})
	k := Kept{Number: 1, Report: catalog.Report{Status: catalog.Failed}}
	for i := range 140 {
		k.Results = append(k.Results, catalog.Result{ID: fmt.Sprint(i), Status: catalog.Failed, Message: "the same each time, and long enough to count for something"})
	}
	var list []Kept
	for range 200 {
		list = append(list, k)
	}
	stay, packed, err := b.addEarlier(k, list)
	if err != nil || len(stay) < 100 || len(stay) > 190 {
		t.Errorf("%v: %d reports stay", err, len(stay))
	}
	var again []Kept
	if err := unpack(packed, &again); err != nil || len(again) != len(stay) {
		t.Errorf("%v: %d reports are read", err, len(again))
	}
}
