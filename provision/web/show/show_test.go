package show_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision"
	"rackhand/provision/web/show"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func at(s int) time.Time { return time.Date(2026, 1, 1, 12, 0, s, 0, time.UTC) }

func install(stage provision.Stage) *provision.Install {
	in := &provision.Install{
		ID: "web1-1", Host: "web1", Stage: stage, Requested: at(0), PoweredOn: at(1), Budget: provision.Budget{Time: 15 * time.Minute},
		Reached: map[provision.Stage]time.Time{provision.Requested: at(0), provision.Powered: at(1), provision.Kernel: at(11), stage: at(91)},
	}
	if stage.Ended() {
		in.Ended = at(91)
	}
	return in
}

func TestStatus(t *testing.T) {
	var out strings.Builder
	err := show.Status(&out, provision.Status{
		Problems: []string{"rack.yaml:8:64: host web1: there is no group \"wbe\"\n"},
		Hosts: []provision.HostStatus{
			{Host: "web1", Address: "10.77.0.11", Power: "on", Install: install(provision.Packages), Last: &provision.Event{Message: "412 of 980 MB"}},
			{Host: "web2", Address: "10.77.0.12", Power: "unknown"},
			{Host: "52:54:00:00:00:09", Unclaimed: true, Address: "10.77.0.200", Last: &provision.Event{Message: "hostile \x1b[31m\nname " + strings.Repeat("x", 200)}},
		},
	}, at(101))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "status.txt", out.String())
}

// TestJobs: what a host is at beside its install.
func TestJobs(t *testing.T) {
	job := func(j provision.Job, stage provision.Stage) *provision.Install {
		return &provision.Install{
			ID: "web1-" + string(j) + "-1", Job: j, Stage: stage, Requested: at(1),
			Reached: map[provision.Stage]time.Time{provision.Installer: at(60)},
			Order:   provision.Order{Disks: []string{"sda", "S3\x1b[31m"}}, Reason: "it says\nthis",
		}
	}
	var out strings.Builder
	err := show.Status(&out, provision.Status{Hosts: []provision.HostStatus{
		{Host: "web1", Install: install(provision.Serving), Job: job(provision.JobRescue, provision.Installer)},
		{Host: "web2", Install: install(provision.Serving), Job: job(provision.JobWipe, provision.Done)},
		{Host: "web3", Install: install(provision.Serving), Job: job(provision.JobBurnin, provision.Failed)},
		{Host: "web4", Job: &provision.Install{Job: provision.JobBurnin, Stage: provision.Requested, Requested: at(91)}},
	}}, at(101))
	if err != nil {
		t.Fatal(err)
	}
	if err := show.Job(&out, *job(provision.JobWipe, provision.Done)); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, when := range []time.Time{at(1), at(60)} {
		text = strings.ReplaceAll(text, when.Local().Format(time.DateTime), when.Format(time.DateTime))
	}
	golden(t, "jobs.txt", text)
}

// TestSwitchPort: the column is there when a relay told of a port.
func TestSwitchPort(t *testing.T) {
	var out strings.Builder
	err := show.Status(&out, provision.Status{Hosts: []provision.HostStatus{
		{Host: "web1", Address: "10.77.0.11", Power: "on", SwitchPort: "Gi1/0/12 on sw1", Last: &provision.Event{Message: "leased"}},
		{Host: "web2", Address: "10.77.0.12", Power: "unknown", Last: &provision.Event{Message: "leased"}},
		{Host: "52:54:00:00:00:09", Unclaimed: true, SwitchPort: "hostile \x1b[31m" + strings.Repeat("p", 100)},
	}}, at(101))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "switch-port.txt", out.String())
}

// TestLateShown: an install or a job over its budget says so.
func TestLateShown(t *testing.T) {
	late := install(provision.Packages)
	job := *late
	job.Job = provision.JobRescue
	for _, h := range []provision.HostStatus{{Host: "web1", Install: late}, {Host: "web1", Job: &job}} {
		var out strings.Builder
		now := at(0).Add(16 * time.Minute)
		if err := show.Status(&out, provision.Status{Hosts: []provision.HostStatus{h}}, now); err != nil {
			t.Fatal(err)
		}
		if h.Standing(now) == provision.StandsOver != strings.Contains(out.String(), "over its budget of 15 min") {
			t.Errorf("%s:\n%s", h.Standing(now), out.String())
		}
	}
}

// TestAgentShown: a host whose report was no plain "ok" isn't shown as one.
func TestAgentShown(t *testing.T) {
	agent := provision.NewAgentState(at(101), 3*time.Hour, 42, []string{"hostile \x1b[31m"})
	var out strings.Builder
	err := show.Status(&out, provision.Status{Hosts: []provision.HostStatus{
		{Host: "web1", Install: install(provision.Serving), Last: &provision.Event{Message: "1 of 2 resources failed"}, Agent: &agent},
		{Host: "web2", Install: install(provision.Serving), Agent: &agent},
	}}, at(101))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "agent.txt", out.String())
}

func TestStages(t *testing.T) {
	var out strings.Builder
	if err := show.Stages(&out, *install(provision.Serving)); err != nil {
		t.Fatal(err)
	}
	failed := install(provision.Failed)
	failed.Reason = "the disk carries data"
	if err := show.Stages(&out, *failed); err != nil {
		t.Fatal(err)
	}
	golden(t, "stages.txt", out.String())
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a\nb\tc": "a b c", "\x1b[1mr": `\x1b[1mr`, "äöü": "äöü", "0123456789abc": "012345678…", "\u009b31m": `\u009b31m`, "a\u202eb": `a\u202eb`,
	} {
		if got := show.OneLine(in, 10); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTraceLine(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 1, 2e6, time.Local)
	for want, l := range map[string]provision.TraceLine{
		"12:00:01.002 < HTTP GET /a: 200":                    {Time: at, Text: "HTTP GET /a: 200"},
		`12:00:01.002 > OFFER \x1b (3 times since 11:59:01)`: {Time: at, Sent: true, Text: "OFFER \x1b", Times: 3, Since: at.Add(-time.Minute)},
	} {
		if got := show.TraceLine(l); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
