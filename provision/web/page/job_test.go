package page_test

import (
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

// TestJob: a job under way stands at the head of the page, and beside the install, which
// stays what it is.
func TestJob(t *testing.T) {
	now := theTime()
	began := map[provision.Stage]time.Time{provision.Installer: now.Add(-90 * time.Second)}
	for name, c := range map[string]struct {
		host  string
		job   provision.Install
		page  string // parts, by |
		lacks string
	}{
		"rescue": {
			"web1",
			provision.Install{ID: "web1-rescue-1", Job: provision.JobRescue, Stage: provision.Installer, Reached: began, Progress: "1 sessions are open"},
			`serving|rescue since 14:30:37 UTC, at installer: 1 sessions are open|Last rescue|web1-rescue-1`, "erased",
		},
		"wiped": {
			"web1",
			provision.Install{ID: "web1-wipe-2", Job: provision.JobWipe, Stage: provision.Done, Reached: began, Ended: now, Reason: "1 disks are erased"},
			`its disks were erased at 14:30:37 UTC|Last wipe|1 disks are erased`, "since",
		},
		"wiped in part": {
			"web1",
			provision.Install{ID: "web1-wipe-2", Job: provision.JobWipe, Stage: provision.Failed, Reached: began, Ended: now, Reason: "<b>I/O</b>"},
			`did not end well|&lt;b&gt;I/O`, "<b>I/O",
		},
		"a new box": {
			"spare1",
			provision.Install{ID: "spare1-burnin-1", Job: provision.JobBurnin, Stage: provision.Installer, Reached: began},
			`No install of this host yet|burn-in since 14:30:37 UTC, at installer`, "erased",
		},
		"over": {
			"web1",
			provision.Install{ID: "web1-rescue-1", Job: provision.JobRescue, Stage: provision.Done, Reached: began, Reason: "the operator has ended the rescue"},
			`serving|Last rescue|the operator has ended the rescue`, "rescue since",
		},
	} {
		f := rack(now)
		for i := range f.hosts {
			if f.hosts[i].Host == c.host {
				f.hosts[i].Job = &c.job
			}
		}
		w := get(t, newPage(t, f), "/host/"+c.host)
		if w.Code != 200 {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
		body := w.Body.String()
		for want := range strings.SplitSeq(c.page, "|") {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the page lacks %q", name, want)
			}
		}
		if summary, _, _ := strings.Cut(body, `id="facts"`); c.lacks != "" && strings.Contains(summary[strings.Index(summary, "id=\"summary\""):], c.lacks) && name != "wiped" {
			t.Errorf("%s: the page's head has %q", name, c.lacks)
		}
		if w := get(t, newPage(t, f), "/"); w.Code != 200 {
			t.Errorf("%s: the overview answers %d", name, w.Code)
		}
	}
}
