package why

import (
	"fmt"
	"testing"
	"time"

	"rackhand/provision"
)

// pastInstall is an install that was in its packages for a time.
func pastInstall(host, system string, packages time.Duration) provision.Install {
	return provision.Install{Host: host, System: system, Stage: provision.Serving, Reached: map[provision.Stage]time.Time{
		provision.Requested: start, provision.Packages: start.Add(time.Minute), provision.Installed: start.Add(time.Minute + packages),
	}}
}

func TestLearn(t *testing.T) {
	role := func(host string) string { return "role of " + host[:3] }
	var past []provision.Install
	for i := range 4 {
		past = append(past, pastInstall("web1", "debian12", time.Duration(30+i)*time.Minute))
	}
	if got := Learn(past, role).For("web1", "debian12", role("web1")).of(provision.Packages); got != 20*time.Minute {
		t.Errorf("four samples: %s, want the shipped time", got)
	}
	past = append(past, pastInstall("web2", "debian12", time.Hour))
	h := Learn(past, role)
	if got := h.For("web1", "debian12", role("web1")).of(provision.Packages); got != 2*time.Hour {
		t.Errorf("five of its system and role: %s", got)
	}
	if got := h.For("db1", "debian12", role("db1")).of(provision.Packages); got != 20*time.Minute {
		t.Errorf("another role: %s", got)
	}
	past = append(past, pastInstall("web1", "debian12", 40*time.Minute))
	if got := Learn(past, role).For("web1", "debian12", role("web1")).of(provision.Packages); got != 80*time.Minute {
		t.Errorf("five of its own: %s", got)
	}
	job := pastInstall("web1", "debian12", 5*time.Hour)
	job.Job = provision.JobWipe
	if got := Learn(append(past, job), role).For("web1", "debian12", role("web1")).of(provision.Packages); got != 80*time.Minute {
		t.Errorf("a job teaches nothing: %s", got)
	}
	if got := Learn(past, role).For("web1", "debian12", role("web1")).of(provision.Addressed); got != time.Minute {
		t.Errorf("never below the floor: %s", got)
	}
}

func TestNinthDecile(t *testing.T) {
	var samples []time.Duration
	for i := range 10 {
		samples = append(samples, time.Duration(10-i)*time.Second)
	}
	if got := ninthDecile(samples); got != 9*time.Second {
		t.Error(got)
	}
	if got := ninthDecile(samples[:5]); got != 10*time.Second {
		t.Error(got)
	}
}

func boxes(rule string, stopped ...time.Duration) []Box {
	var out []Box
	for i, d := range stopped {
		out = append(out, Box{
			Host: fmt.Sprintf("web%d", i+1), Links: []string{"the switch s1", "network rack1"},
			Stuck: &provision.Stuck{Rule: rule, Since: start.Add(d), Causes: cause("its cable"), Evidence: []uint64{uint64(i + 1)}},
		})
	}
	return out
}

func TestTogether(t *testing.T) {
	all := boxes("offers-lost", 0, time.Minute, 9*time.Minute, 30*time.Minute)
	links, of := Together(all)
	if len(links) != 1 || fmt.Sprint(links[0].Hosts) != "[web1 web2 web3]" || links[0].Link != "the switch s1" {
		t.Fatalf("%+v", links)
	}
	if len(of) != 3 || of["web4"] != nil || of["web1"].Causes[0].Text == "its cable" || len(of["web1"].Boxes) != 3 {
		t.Errorf("%+v", of)
	}
	if all[0].Stuck.Causes[0].Text != "its cable" {
		t.Error("the box given was changed")
	}
	if links, of := Together(boxes("offers-lost", 0, time.Minute)); links != nil || len(of) != 0 {
		t.Errorf("two boxes: %+v", links)
	}
	if links, _ := Together(boxes("disk-guard", 0, 0, 0, 0)); links != nil {
		t.Errorf("a disk is no link's: %+v", links)
	}
	// Three switches of one network: it is the network's.
	for i := range all {
		all[i].Links = []string{fmt.Sprint("the switch s", i), "network rack1"}
	}
	if links, _ := Together(all); len(links) != 1 || links[0].Link != "network rack1" {
		t.Errorf("%+v", links)
	}
	// One missing image stops many boxes; two images are two findings.
	lacking := boxes("lacks", 0, 0, 0, 0, 0, 0)
	for i := range lacking[:3] {
		lacking[i].Stuck.Causes = cause("The root image debian12 is not built.")
	}
	lacking[5].Stuck.Causes = cause("Its template does not render.")
	if links, of := Together(lacking); len(links) != 1 || of["web1"].Causes[0].Text != "The root image debian12 is not built." || of["web4"] != nil {
		t.Errorf("%+v %+v", links, of)
	}
	for _, c := range linkCauses() {
		if len(c.causes) == 0 || c.remedy.Text == "" {
			t.Errorf("%+v", c)
		}
	}
}
