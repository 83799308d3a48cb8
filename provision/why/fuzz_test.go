package why

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"rackhand/inventory"
	"rackhand/provision"
)

// FuzzDiagnose makes journals of bytes: three bytes are an event, or a step of time. text is what
// a box says in its fields and messages. No journal makes a rule panic, and what a rule says can be
// shown: bounded, with causes, with evidence from the journal, and with a command that a shell
// takes as plain words.
func FuzzDiagnose(f *testing.F) {
	kinds := fuzzedKinds()
	clients := []string{"PXE", "HTTP boot", "iPXE", "GRUB", "other", ""}
	for i := range kinds {
		f.Add([]byte{byte(i), 1, 0x53, byte(i), 0xff, 0x10}, "0", uint16(400))
		f.Add([]byte{0, 0, 1, 5, 0, 2, 9, 0, 3, byte(i), 0, 0xff, byte(i), 1, 0xf1}, "-9223372036854775808", uint16(9999))
	}
	for _, text := range []string{"", ".", "/", " ", "$(reboot)", "\x1b[2J", "a/../b;\n'", "52:54:00:00:00:01", "\xff", strings.Repeat("x/", 5000), "9223372036854775807", "tok"} {
		f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}, text, uint16(3600))
	}
	f.Fuzz(func(t *testing.T, journal []byte, text string, after uint16) {
		card := inventory.MAC{0x52, 0x54, 0, 0, 0, 1}
		c := Case{
			Host: &inventory.Host{Name: "web1", MACs: []inventory.MAC{card}, Network: &inventory.Network{Name: "rack1"}},
			Install: provision.Install{
				ID: "web1-1", Host: "web1", System: "debian12", Armed: true, Stage: provision.Requested, Requested: start,
				Expires: start.Add(24 * time.Hour), Budget: provision.Budget{Attempts: 3, Time: 15 * time.Minute},
				Reached: map[provision.Stage]time.Time{provision.Requested: start},
			},
		}
		if after&1 == 1 {
			c.Host = nil
		}
		at, stages := start, provision.Stages()
		for seq := uint64(1); len(journal) >= 3 && seq < 400; seq++ {
			b := journal[:3]
			journal = journal[3:]
			at = at.Add(time.Duration(b[2]>>4) * time.Duration(b[2]>>4) * time.Second)
			k := kinds[int(b[0])%len(kinds)]
			e := provision.Event{
				Seq: seq, Time: at, Counted: at, Host: "web1", Install: "web1-1", Source: k.source, Kind: k.kind, Message: text,
				Level: []string{"", provision.LevelWarn, provision.LevelError, ""}[b[2]&3],
			}
			if s := int(b[1] >> 3); b[2]&4 != 0 {
				e.Stage = stages[s%len(stages)]
			}
			if b[2]&8 != 0 {
				e.Fields = map[string]string{"client": clients[int(b[1]&7)%len(clients)]}
				for i, name := range fuzzedFields {
					if (int(b[1])+i)%3 != 0 {
						e.Fields[name] = text
					}
				}
			}
			if e.Source == "link" {
				e.Source, e.Host, e.Install = "dhcp", "", ""
				c.Links = append(c.Links, e)
				continue
			}
			c.Install = c.Install.Advance(e)
			c.Events = append(c.Events, e)
		}
		now := at.Add(time.Duration(after) * time.Second)
		stuck := Diagnose(c, now)
		if stuck == nil {
			return
		}
		if len(stuck.Causes) == 0 || strings.TrimSpace(stuck.Causes[0].Text) == "" || stuck.Remedy.Text == "" {
			t.Errorf("%s: a diagnosis without a cause or a remedy: %+v", stuck.Rule, stuck)
		}
		if strings.ContainsFunc(stuck.Remedy.Command, unsafeInShell) {
			t.Errorf("%s: command %q", stuck.Rule, stuck.Remedy.Command)
		}
		for _, seq := range stuck.Evidence {
			if seq == 0 || seq > uint64(len(c.Events)+len(c.Links)) {
				t.Errorf("%s: event %d isn't in the journal", stuck.Rule, seq)
			}
		}
		Together([]Box{{"web1", stuck, LinksOf(c), ""}, {"web2", stuck, LinksOf(c), ""}, {"web3", stuck, LinksOf(c), ""}})
	})
}

func unsafeInShell(r rune) bool {
	return unicode.IsControl(r) || r > unicode.MaxASCII || strings.ContainsRune("$`\"'\\;&|<>(){}[]*?!#~\n", r)
}

type fuzzedKind struct{ source, kind string }

// fuzzedKinds are the events that rules look for.
func fuzzedKinds() (out []fuzzedKind) {
	for _, line := range []string{
		"dhcp discover ack observed binl nak chosen-other another-card wrong-network our-address conflict decline exhausted",
		"tftp fetch fetch-failed fetch-stopped no-such-file script",
		"http fetch fetch-stopped no-such-file script attempt held no-wipe no-image template token-refused mac-refused script-refused boot-unheard another-mac answer-late enrol-refused agent-refused unproved",
		"bmc powered-on power-cycle power-off power-failed boot-disk boot-disk-failed revive",
		"installer started progress attempt-failed disk-guard disk-refused installed",
		"syslog log-tail progress", "appliance late stalled given-up not-ready question",
		"agent booted enrolled converging converged converge-failed host-checks-failed", "check check-failed serving",
		"operator requested cancelled", "link other-dhcp dhcp-clear exhausted started",
	} {
		words := strings.Fields(line)
		for _, kind := range words[1:] {
			out = append(out, fuzzedKind{words[0], kind})
		}
	}
	return out
}

var fuzzedFields = []string{
	"mac", "address", "name", "file", "server", "by", "expected", "secs", "tries", "offered", "bytes", "size", "packets", "blksize", "stage", "why",
	"code", "error", "arch", "circuit", "remote", "relay", "about", "lacks", "path", "package", "network", "found", "keep", "disk", "macs", "fetch",
	"uses", "power", "resource", "result",
}
