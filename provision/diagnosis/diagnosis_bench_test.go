package diagnosis_test

import (
	"fmt"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/diagnosis"
)

// BenchmarkDiagnose diagnoses 500 hosts, 50 of them with an install under way and 60 events
// each.
func BenchmarkDiagnose(b *testing.B) {
	var names []string
	for i := range 500 {
		names = append(names, fmt.Sprintf("web%d", i))
	}
	d := newDesk(b, names...)
	for _, name := range names[:50] {
		d.arm(name)
		d.record(provision.Event{Host: name, Source: "agent", Kind: "converging", Stage: provision.Converging, Message: "it converges"})
		for i := range 60 {
			d.record(provision.Event{Host: name, Source: "agent", Kind: "converge-failed", Message: fmt.Sprint(i)})
		}
	}
	d.elapsed += 41 * time.Minute
	book := diagnosis.New(d.j)
	for b.Loop() {
		d.diagnose(book)
	}
}
