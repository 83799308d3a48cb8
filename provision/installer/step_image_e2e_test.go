//go:build e2e

package installer

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// The whole step, from a server that breaks off at half of the image to files with
// their attributes; and with a wrong checksum.
func TestImageStep(t *testing.T) {
	fake.NeedRoot(t)
	from, work := t.TempDir(), t.TempDir()
	fake.FullRoot(t, from)
	if err := os.WriteFile(filepath.Join(from, "data"), fake.RandomBytes(1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	want := fake.Inventory(t, from)
	file := filepath.Join(work, "named.any")
	fake.RunTool(t, "tar", "--format=pax", "-S", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls", "--zstd", "-C", from, "-cf", file, ".")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, sum string
		cut       int
		fail      string
		events    []string
	}{
		{"broken at half", fake.SumOf(data), len(data)/2 + 1, "", []string{
			" image", "warn warning the connection broke after 1 of 1 MB", "warn warning the download goes on at 1 of 1 MB", " verified the image is written and verified: ",
		}},
		{"wrong checksum", strings.Repeat("0", 64), 0, fmt.Sprintf("the image's SHA-256 is %s, the Kickstart says %064d", fake.SumOf(data), 0), []string{" image"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(&fake.Server{Data: data, Cut: c.cut, Ranges: true})
			defer srv.Close()
			a := &fake.Appliance{Statuses: []int{204}}
			rep := reportTo(t, a, &fake.Clock{})
			m := &machine{
				target: t.TempDir(), Log: report.Log{Con: report.NewConsole(time.Now, report.NewRedactor().Clean), Rep: rep},
				client: srv.Client(), clk: report.RealClock{},
			}
			err := m.do(t.Context(), plan.ImageStep{URL: srv.URL, SHA256: c.sum})
			events := heard(t, rep, a)
			if c.fail != "" {
				if err == nil || !strings.Contains(err.Error(), c.fail) || plan.FailKind(err) != plan.FailImage {
					t.Errorf("got %v, want %s", err, c.fail)
				}
			} else if d := cmp.Diff(want, fake.Inventory(t, m.target)); d != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
			var got []string
			for _, e := range events {
				if e.Kind == "progress" { // on a slow machine
					continue
				}
				s := fmt.Sprint(e.Level, " ", e.Kind, " ", e.Message)
				if n := len(got); n < len(c.events) {
					s = s[:min(len(s), len(c.events[n]))]
				}
				got = append(got, s)
			}
			if d := cmp.Diff(c.events, got); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
		})
	}
}
