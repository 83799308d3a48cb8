package why

import (
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// start is when the installs of these tests are requested.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const mac = "52:54:00:00:00:01"

// caseOf makes a case of a journal. A line of it is
//
//	OFFSET SOURCE KIND[!|!!] [STAGE] [FIELD=VALUE ...] [| MESSAGE]
//
// where ! is a warning and !! an error. The install is what provision.Install.Advance makes
// of the events. A line of the source "link" has no host, and the source dhcp.
func caseOf(t *testing.T, lines ...string) Case {
	t.Helper()
	parsed, err := inventory.ParseMAC(mac)
	if err != nil {
		t.Fatal(err)
	}
	c := Case{
		Host: &inventory.Host{Name: "web1", MACs: []inventory.MAC{parsed}, Network: &inventory.Network{Name: "rack1"}},
		Install: provision.Install{
			ID: "web1-1", Host: "web1", System: "debian12", Armed: true, Stage: provision.Requested, Requested: start,
			Expires: start.Add(24 * time.Hour), Budget: provision.Budget{Attempts: 3, Time: 15 * time.Minute},
			Reached: map[provision.Stage]time.Time{provision.Requested: start},
		},
	}
	for i, line := range lines {
		e := parse(t, line)
		e.Seq = uint64(i + 1)
		if e.Source == "link" {
			e.Source, e.Host, e.Install = "dhcp", "", ""
			c.Links = append(c.Links, e)
			continue
		}
		if e.Kind == provision.KindAttempt {
			c.Install.Attempts++
		}
		c.Install = c.Install.Advance(e)
		c.Events = append(c.Events, e)
	}
	return c
}

func parse(t *testing.T, line string) provision.Event {
	t.Helper()
	line, message, _ := strings.Cut(line, " | ")
	words := strings.Fields(line)
	if len(words) < 3 {
		t.Fatalf("%q has no offset, source and kind", line)
	}
	offset, err := time.ParseDuration(words[0])
	if err != nil {
		t.Fatal(err)
	}
	e := provision.Event{
		Time: start.Add(offset), Counted: start.Add(offset), Host: "web1", Install: "web1-1",
		Source: words[1], Kind: strings.TrimRight(words[2], "!"), Message: message, Fields: map[string]string{},
	}
	e.Level = []string{"", provision.LevelWarn, provision.LevelError}[strings.Count(words[2], "!")]
	if e.Message == "" {
		e.Message = e.Source + " " + e.Kind
	}
	for _, w := range words[3:] {
		name, value, isField := strings.Cut(w, "=")
		if isField {
			e.Fields[name] = strings.ReplaceAll(value, "_", " ")
			continue
		}
		if e.Stage = provision.Stage(w); !e.Stage.Known() {
			t.Fatalf("%q: %q is neither a stage nor a field", line, w)
		}
	}
	return e
}

// diagnose is Diagnose at an offset from the start.
func diagnose(t *testing.T, c Case, at time.Duration) *provision.Stuck {
	t.Helper()
	return Diagnose(c, start.Add(at))
}

// A ruleTest is a journal, a time, and the rule that must be found; "" for none.
type ruleTest struct {
	name    string
	at      string // offset from the start
	journal []string
	rule    string
	// said are texts of which each must be in a cause or the remedy.
	said []string
	// not are texts that may be in none of them.
	not []string
}

func runRules(t *testing.T, tests []ruleTest) {
	t.Helper()
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			at, err := time.ParseDuration(tc.at)
			if err != nil {
				t.Fatal(err)
			}
			c := caseOf(t, tc.journal...)
			got := diagnose(t, c, at)
			if got == nil {
				if tc.rule != "" {
					t.Fatalf("nothing is found, want %s", tc.rule)
				}
				return
			}
			if got.Rule != tc.rule {
				t.Fatalf("%s: %s; want %q", got.Rule, got.Cause(), tc.rule)
			}
			all := got.Cause() + " " + got.Remedy.Text + " " + got.Remedy.Command
			for _, s := range tc.said {
				if !strings.Contains(all, s) {
					t.Errorf("%q is missing in: %s", s, all)
				}
			}
			for _, s := range tc.not {
				if strings.Contains(all, s) {
					t.Errorf("%q is in: %s", s, all)
				}
			}
			if len(got.Causes) > 1 {
				for _, c := range got.Causes {
					if c.Decider == "" {
						t.Errorf("nothing decides for %q", c.Text)
					}
				}
			}
			if got.Remedy.Text == "" {
				t.Error("it has no remedy")
			}
			for _, seq := range got.Evidence {
				if seq == 0 || seq > uint64(len(tc.journal)) {
					t.Errorf("evidence %d is no event", seq)
				}
			}
		})
	}
}

// healthy is the journal of an install by UEFI that takes ten minutes.
var healthy = []string{
	"0s operator armed requested",
	"5s bmc powered-on powered power=on",
	"95s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11",
	"96s dhcp ack addressed client=PXE mac=" + mac,
	"97s tftp fetch bootfile name=snponly.efi",
	"100s dhcp ack addressed client=iPXE",
	"101s http attempt script",
	"103s http fetch kernel file=vmlinuz",
	"105s http fetch kernel file=initrd.img",
	"125s dhcp ack client=other",
	"126s http answer",
	"127s installer started installer",
	"135s installer image packages",
	"136s installer progress | 1 of 980 MB",
	"180s installer progress | 980 of 980 MB",
	"220s installer installed installed",
	"222s bmc boot-disk",
	"300s dhcp ack client=other",
	"310s agent booted booted",
	"311s agent enrolled enrolled",
	"312s agent converging converging",
	"420s agent converged converged",
	"430s check serving serving",
}

// A healthy install never raises a word, whenever it is looked at.
func TestHealthy(t *testing.T) {
	for i := range healthy {
		c := caseOf(t, healthy[:i+1]...)
		last := parse(t, healthy[i]).Counted
		until := last
		if i+1 < len(healthy) {
			until = parse(t, healthy[i+1]).Counted
		}
		for at := last; !at.After(until); at = at.Add(time.Second) {
			if got := Diagnose(c, at); got != nil {
				t.Fatalf("after %q, at %s: %s: %s", healthy[i], at.Sub(start), got.Rule, got.Cause())
			}
		}
	}
}

// Firmware that takes its way is healthy, too, as long as it may.
func TestHealthyFirmware(t *testing.T) {
	for name, way := range map[string][]string{
		"a long self-test": {"4m50s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "4m51s dhcp ack addressed client=PXE"},
		"the port waits":   {"2m dhcp discover client=PXE secs=28 tries=1 offered=10.77.0.11", "2m1s dhcp ack addressed client=PXE"},
		"another card first": {
			"90s dhcp another-card! by=uuid mac=52:54:00:00:00:99 expected=" + mac, "3m dhcp another-card! by=uuid mac=52:54:00:00:00:99 expected=" + mac,
			"4m dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "4m1s dhcp ack addressed client=PXE",
		},
		"offers are lost for a minute": {
			"90s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "2m dhcp discover! client=PXE secs=28 tries=4 offered=10.77.0.11", "2m30s dhcp ack addressed client=PXE",
		},
		"another server in its first round": {
			"90s dhcp discover client=PXE secs=0 tries=1 offered=10.77.0.11", "91s dhcp chosen-other! client=PXE server=10.77.0.66", "3m dhcp discover client=HTTP_boot secs=0 tries=1 offered=10.77.0.11",
			"3m1s dhcp ack addressed client=HTTP_boot",
		},
		"no address at first": {"90s dhcp discover client=PXE secs=0 tries=1 offered=", "3m dhcp ack addressed client=PXE"},
	} {
		journal := append([]string{"0s operator armed requested", "5s bmc powered-on powered power=on"}, way...)
		for i := range journal {
			c, until := caseOf(t, journal[:i+1]...), parse(t, journal[i]).Counted.Add(time.Second)
			if i+1 < len(journal) {
				until = parse(t, journal[i+1]).Counted
			}
			for at := parse(t, journal[i]).Counted; at.Before(until); at = at.Add(time.Second) {
				if got := Diagnose(c, at); got != nil {
					t.Fatalf("%s: after %q, at %s: %s: %s", name, journal[i], at.Sub(start), got.Rule, got.Cause())
				}
			}
		}
	}
}

func TestWaits(t *testing.T) {
	c := caseOf(t, healthy[:6]...)
	c.Install.Held = &provision.Held{Attempt: 1}
	if got := diagnose(t, c, time.Hour); got == nil || got.Rule != "held" || got.Remedy.Command != "rackhand release web1" {
		t.Errorf("%+v", got)
	}
	c.Install.Held, c.Install.Doubt = nil, "its packages were through"
	if got := diagnose(t, c, time.Hour); got == nil || got.Rule != "question" || got.Remedy.Command != "rackhand install web1 --wipe" {
		t.Errorf("%+v", got)
	}
}

func TestSilent(t *testing.T) {
	runRules(t, []ruleTest{
		{name: "nobody has powered it on", at: "10h", journal: healthy[:1]},
		{name: "a converging host", at: "11m", journal: healthy[:21]},
		{name: "a role that takes half an hour", at: "36m", journal: healthy[:21]},
		{name: "a converging host for long", at: "46m", journal: healthy[:21], rule: "silent", said: []string{"stopped at converging"}},
		{name: "a slow installer that reports", at: "25m", journal: append(healthy[:13:13], "24m30s installer progress | 400 of 980 MB")},
		{name: "until it does no more", at: "30m", journal: append(healthy[:13:13], "24m30s installer progress | 400 of 980 MB"), rule: "silent"},
		{name: "failed without a rule", at: "1h", journal: append(healthy[:12:12], "200s installer report!! failed | the moon is full"), rule: "failed", said: []string{"the moon is full", "rackhand install web1"}},
		{name: "cancelled", at: "1h", journal: append(healthy[:12:12], "200s operator cancelled cancelled")},
	})
}

// What the appliance says of a box hides nothing, and is not heard from the box.
func TestOnlyTheBoxIsHeard(t *testing.T) {
	c := caseOf(t, append(healthy[:21:21], "18m appliance late!", "19m operator converge-ordered")...)
	got := diagnose(t, c, 50*time.Minute)
	if got == nil || got.Last == nil || got.Last.Text != "agent converging" {
		t.Fatalf("%+v", got)
	}
}

// A box that boots again in the middle is where that boot has come to.
func TestPlace(t *testing.T) {
	for _, tc := range []struct {
		name string
		more []string
		want provision.Stage
	}{
		{"nothing more", nil, provision.Packages},
		{"its own DHCP client", []string{"190s dhcp ack client=other"}, provision.Packages},
		{"firmware", []string{"190s dhcp ack client=PXE"}, provision.Addressed},
		{"boot program", []string{"190s dhcp ack client=PXE", "191s tftp fetch bootfile name=snponly.efi"}, provision.Bootfile},
		{"a second attempt", []string{"190s dhcp ack client=PXE", "191s tftp fetch bootfile name=snponly.efi", "195s http attempt script"}, provision.Script},
		{"it runs again", []string{"190s dhcp ack client=PXE", "195s http attempt script", "220s installer started installer"}, provision.Installer},
		{"an iPXE that asks twice", []string{"190s dhcp ack client=iPXE", "191s dhcp ack client=iPXE"}, provision.Addressed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, _ := Look(caseOf(t, append(healthy[:15:15], tc.more...)...), start.Add(4*time.Minute)); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// An event that a version kept without its counted time is put in its place.
func TestWithoutCountedTime(t *testing.T) {
	c := caseOf(t, healthy[:21]...)
	for i := range c.Events {
		c.Events[i].Counted = time.Time{}
		c.Events[i].Time = c.Events[i].Time.Add(time.Hour)
	}
	c.Install.Offset = time.Hour
	got := diagnose(t, c, 50*time.Minute)
	if got == nil || !got.Last.Time.Equal(start.Add(312*time.Second)) {
		t.Fatalf("%+v", got)
	}
}
