package show_test

import (
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/web/show"
)

// rack is a rack with hosts of every standing.
func rack() provision.Status {
	in := func(host string, stage provision.Stage) *provision.Install {
		return &provision.Install{
			ID: host + "-1", Host: host, Stage: stage, Attempts: 1, Requested: at(0), PoweredOn: at(1), Ended: at(40),
			Budget: provision.Budget{Time: 15 * time.Minute, Attempts: 3}, Reached: map[provision.Stage]time.Time{stage: at(2)},
		}
	}
	st := provision.Status{Hosts: []provision.HostStatus{
		{Host: "web10", Address: "10.77.0.20", Power: "on", Install: in("web10", provision.Serving), Last: &provision.Event{Message: "serves"}},
		{Host: "52:54:00:00:00:09", Unclaimed: true, MACs: []string{"52:54:00:00:00:09"}, Address: "10.77.0.200", LastSeen: at(3), Maker: "Dell", Last: &provision.Event{Message: "PXE got 10.77.0.200"}},
		{Host: "web2", Address: "10.77.0.12", Power: "on", Group: "web", Role: "base, web", System: "debian12", Rack: "r1 unit 12", BMC: "10.77.0.112", MACs: []string{"52:54:00:00:00:02"}, LastSeen: at(7), Install: in("web2", provision.Addressed), Last: &provision.Event{Message: "armed for 1 h; powered on by its BMC"}, Stuck: &provision.Stuck{
			Rule: "offers-lost", Since: at(5), Last: &provision.Seen{Seq: 4, Time: at(5), Text: "its firmware asked for an address"},
			Expected: &provision.Expected{Text: "a REQUEST for 10.77.0.12", By: at(30)},
			Causes: []provision.Cause{
				{Text: "The switch drops the offers (DHCP snooping).", Decider: "If other boxes on the switch boot, it is not the switch."},
				{Text: "Its firmware takes no offer.", Decider: "If a firmware update helps, it was this."},
			},
			Remedy: provision.Remedy{Text: "Trust the appliance's port on the switch, or try another card.", Command: "rackhand set hosts.web2.mac 52:54:00:00:00:99"},
		}},
		{Host: "web3", Address: "10.77.0.13", Power: "on", Install: in("web3", provision.Packages), Place: provision.Script, Last: &provision.Event{Message: "iPXE fetched its script"}},
		{Host: "web1", Address: "10.77.0.11", Power: "on", Install: in("web1", provision.Failed), Last: &provision.Event{Message: "iPXE got 10.77.0.11"}},
	}}
	st.Hosts[4].Install.Reason = "the disk sda carries data (ext4, 3 partitions): `rackhand install web1 --wipe` allows the install to erase it"
	provision.SortHosts(st.Hosts, at(50))
	st.Links = []provision.LinkStuck{{Link: "network rack1", Hosts: []string{"web2", "web3"}, Stuck: st.Hosts[1].Stuck}}
	return st
}

// TestStuckShown: the cause of a stuck host and its whole remedy stand below its row, within
// 80 columns.
func TestStuckShown(t *testing.T) {
	var b strings.Builder
	if err := show.Status(&b, rack(), at(50).Add(3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	golden(t, "stuck.txt", b.String())
	narrow(t, b.String())
}

// TestHost shows hosts in detail.
func TestHost(t *testing.T) {
	var b strings.Builder
	events := []provision.Event{
		{Seq: 3, Time: at(1), Host: "web2", Source: "bmc", Message: "powered on"},
		{Seq: 4, Time: at(5), Host: "web2", Source: "dhcp", Level: provision.LevelWarn, Message: "its firmware asks for an address for the 3rd time, was offered 10.77.0.12 and sends no REQUEST"},
	}
	drifted := 1
	st := rack()
	st.Hosts[4].Run = &provision.LastRun{Status: catalog.Changed, Received: at(20), Totals: catalog.Totals{OK: 56, Changed: 1, Drifted: &drifted}}
	st.Hosts[4].Certificate = &provision.CertificateStatus{Expires: at(0).AddDate(1, 0, 0)}
	st.Hosts[4].Job = &provision.Install{ID: "web10-burnin-1", Job: provision.JobBurnin, Stage: provision.Done, Reached: map[provision.Stage]time.Time{provision.Done: at(30)}}
	for _, h := range st.Hosts {
		if err := show.Host(&b, h, events, at(50).Add(3*time.Minute)); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n")
	}
	text := b.String()
	for s := range 60 { // the golden file is for every time zone
		text = strings.ReplaceAll(text, at(s).Local().Format(time.TimeOnly), at(s).Format(time.TimeOnly))
	}
	text = strings.ReplaceAll(text, at(0).Local().Format(time.DateOnly), at(0).Format(time.DateOnly))
	golden(t, "host.txt", text)
	narrow(t, text)
}

// TestNextStep: a list without boxes, and the answer for a box outside the inventory, say what
// to do.
func TestNextStep(t *testing.T) {
	var empty, stranger strings.Builder
	if err := show.Unclaimed(&empty, nil, at(0)); err != nil || !strings.Contains(empty.String(), "`rackhand doctor`") {
		t.Errorf("%v: %q", err, empty.String())
	}
	bmc := provision.HostStatus{Host: "52:54:00:00:00:0a", Unclaimed: true, MACs: []string{"52:54:00:00:00:0a"}, ProbablyBMC: "Dell iDRAC"}
	for name, write := range map[string]func(io.Writer) error{
		"list": func(w io.Writer) error { return show.Unclaimed(w, []provision.HostStatus{bmc}, at(0)) },
		"why":  func(w io.Writer) error { return show.Why(w, provision.WhyReply{Host: bmc}, at(0)) },
		"status": func(w io.Writer) error {
			return show.Status(w, provision.Status{Hosts: []provision.HostStatus{bmc}}, at(0))
		},
	} {
		var out strings.Builder
		if err := write(&out); err != nil || !strings.Contains(out.String(), "robably a BMC") || !strings.Contains(out.String(), "Dell iDRAC") || !strings.Contains(out.String(), "rackhand bmc add HOST --mac ") {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
	}
	r := provision.WhyReply{Host: provision.HostStatus{Host: "52:54:00:00:00:09", Unclaimed: true}}
	if err := show.Why(&stranger, r, at(0)); err != nil || !strings.Contains(stranger.String(), "`rackhand claim 52:54:00:00:00:09 NAME --group GROUP`") {
		t.Errorf("%v: %q", err, stranger.String())
	}
	waits := provision.WhyReply{Host: provision.HostStatus{Host: "web1", Install: &provision.Install{Stage: provision.Requested}}}
	failed := provision.WhyReply{Host: provision.HostStatus{Host: "web1", Install: &provision.Install{
		Stage: provision.Failed, Reached: map[provision.Stage]time.Time{provision.Requested: at(0), provision.Installer: at(9), provision.Failed: at(10)},
	}}}
	for want, r := range map[string]provision.WhyReply{"Power it on": waits, "web1: failed, at installer\n": failed} {
		var b strings.Builder
		if err := show.Why(&b, r, at(20)); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%v: %q lacks %q", err, b.String(), want)
		}
	}
	var host strings.Builder
	tail := []provision.Event{{Seq: 1, Host: "web1", Source: "syslog", Kind: provision.KindLogTail, Message: "line\nline"}}
	if err := show.Host(&host, failed.Host, tail, at(20)); err != nil || !strings.Contains(host.String(), "`rackhand log web1`") {
		t.Errorf("%v: %q", err, host.String())
	}
	narrow(t, empty.String())
	narrow(t, stranger.String())
}

// narrow: no line is wider than a terminal of 80 columns.
func narrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestEmptyStatus(t *testing.T) {
	var b strings.Builder
	if err := show.Status(&b, provision.Status{}, at(0)); err != nil || !strings.Contains(b.String(), "`rackhand claim`") {
		t.Errorf("%v: %q", err, b.String())
	}
}
