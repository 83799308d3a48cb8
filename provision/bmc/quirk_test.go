package bmc

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestApply(t *testing.T) {
	x11 := Memory{Vendor: "Super Micro Computer, Inc.", Model: "X11SCZ-F"}
	at := func(setting string) string { return "hosts.yaml:12:9 " + setting }
	for _, tt := range []struct {
		name    string
		memory  Memory
		vendors map[string][]string
		own     []string
		want    Quirks
		why     []string
	}{
		{name: "nothing is known"},
		{
			name: "a shipped model", memory: x11, want: Quirks{Mode: "always", UEFIDisk24: true, NoEFIBit: true},
			why: []string{"mode: always; shipped: Supermicro, Redfishtool#106", "uefi-disk-0x24; shipped: Supermicro, ironic drivers/modules/ipmitool.py", "no-efi-bit; shipped: Supermicro X11, bmclib#209"},
		},
		{
			name: "a later row wins", memory: Memory{Vendor: "Supermicro", Model: "X10SDV-TLN4F"}, want: Quirks{Mode: "never", UEFIDisk24: true},
			why: []string{"mode: never; shipped: Supermicro X10, metal-operator#985", "uefi-disk-0x24; shipped: Supermicro, ironic drivers/modules/ipmitool.py"},
		},
		{
			name: "the inventory wins", memory: Memory{Vendor: "HPE"}, own: []string{"mode: changed", "min-pause: 5s"}, want: Quirks{Mode: "changed", MinPause: 5 * time.Second},
			why: []string{"mode: changed; inventory: hosts.yaml:12:9 bmc.quirks", "min-pause: 5s; inventory: hosts.yaml:12:9 bmc.quirks"},
		},
		{
			name: "by vendor, and the host's own wins", memory: Memory{Vendor: "Dell Inc."}, vendors: map[string][]string{"Dell": {"no-readback", "mode: never"}, "HPE": {"settings-object"}}, own: []string{"mode: always"},
			want: Quirks{NoReadback: true, Mode: "always"},
			why:  []string{"no-readback; inventory: hosts.yaml:12:9 bmc.vendors.Dell", "mode: always; inventory: hosts.yaml:12:9 bmc.quirks"},
		},
		{name: "no vendor is known", vendors: map[string][]string{"Dell": {"no-readback"}}},
		{name: "no quirk", own: []string{"moon: full"}},
		{name: "the BMC's own cycle", own: []string{"cycle: own"}, want: Quirks{OwnCycle: true}, why: []string{"cycle: own; inventory: hosts.yaml:12:9 bmc.quirks"}},
		{name: "off and on", own: []string{"cycle: off-on"}, why: []string{"cycle: off-on; inventory: hosts.yaml:12:9 bmc.quirks"}},
	} {
		got, applied := Apply(tt.memory, OfInventory(tt.memory, tt.vendors, tt.own, at))
		var why []string
		for _, a := range applied {
			why = append(why, a.Quirk+"; "+a.Source)
		}
		if got != tt.want || !reflect.DeepEqual(why, tt.why) {
			t.Errorf("%s: %+v, %q; want %+v, %q", tt.name, got, why, tt.want, tt.why)
		}
	}
}

// TestQuirkTable: each row can be read and has a source, and no row is hidden by a later one.
func TestQuirkTable(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range quirkTable {
		if _, err := ParseQuirks([]string{r.quirk}); err != nil || r.source == "" || r.vendor+r.model+r.firmware == "" {
			t.Errorf("%+v: %v", r, err)
		}
		key := strings.Join([]string{r.vendor, r.model, r.firmware, AppliedQuirk{Quirk: r.quirk}.Name()}, "|")
		if seen[key] {
			t.Errorf("%+v: there is another one", r)
		}
		seen[key] = true
	}
}

func TestParseQuirks(t *testing.T) {
	for text, want := range map[string]string{
		"mode": "mode", "mode: sometimes": "sometimes", "cycle: twice": "twice", "min-pause: soon": "soon", "min-pause: 2h": "2h", "min-pause: -1s": "-1s", "full-moon": "full-moon",
	} {
		if _, err := ParseQuirks([]string{text}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
