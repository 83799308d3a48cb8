package inventory

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestKeysAreExplained: every key of the YAML can be explained. So an unset key is never
// called unknown.
func TestKeysAreExplained(t *testing.T) {
	l := newLoader(Options{})
	for key := range l.layerFields("a", layer{}, keySystem) {
		if !slices.Contains(keyOrder, key) {
			t.Errorf("keyOrder lacks %s", key)
		}
	}
	for _, key := range []string{"network.mtu", "system.arch", "variables.x", "boot.vlan", "bmc", "network"} {
		if !isKey(key) {
			t.Errorf("%s is no key", key)
		}
	}
	for _, key := range []string{"", "x", "network.x", "system.x", "variables.1", "variables.", "boot.x"} {
		if isKey(key) {
			t.Errorf("%q is a key", key)
		}
	}
	n, s := &Network{}, &System{}
	for _, key := range networkKeys {
		if n.value(key) == nil {
			t.Errorf("a network has no %s", key)
		}
	}
	for _, key := range systemKeys {
		if s.value(key) == nil {
			t.Errorf("a system has no %s", key)
		}
	}
}

// TestExplainNetworkKeys: networkKeys are those of the YAML.
func TestExplainNetworkKeys(t *testing.T) {
	keys := strings.Replace(strings.Join(networkKeys[1:], ": , ")+": ", keyWait+": ", "unclaimed: {wait: }", 1)
	_, problems := Parse("a.yaml", []byte("networks: {a: {subnet: 10.0.0.0/24, "+keys+"}}"), Options{})
	if text := problems.String(); strings.Contains(text, "unknown key") {
		t.Error(text)
	}
}

func TestExplainProxy(t *testing.T) {
	s, problems := Parse("a.yaml", []byte(`
networks: {n: {subnet: 10.0.0.0/24, dhcp: proxy}}
hosts: {a: {mac: 52:54:00:00:00:01, address: 10.0.0.5}, b: {mac: 52:54:00:00:00:02, address: 10.0.0.6, boot: {proxy: binl}}}
`), Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{"a": "built in", "b": "host b"} {
		got, err := ExplainKey(s, host, "boot.proxy")
		if err != nil || len(got) != 1 || got[0].Origins[0].Layer != want {
			t.Errorf("%s: %v, %v", host, got, err)
		}
	}
	if got, err := ExplainKey(s, "a", "network.dhcp"); err != nil || got[0].Origins[0].At != "a.yaml:2:43" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestShowValue(t *testing.T) {
	for want, v := range map[string]any{
		"15m": 15 * time.Minute, "1h": time.Hour, "1h30m": 90 * time.Minute, "1m30s": 90 * time.Second,
		"{secret: a/b}": SecretRef("a/b"), `""`: "", `" x"`: " x", `"a\nb"`: "a\nb", "true": true, "10": 10,
		"[a, [b], {c: d}]": []any{"a", []any{"b"}, map[string]any{"c": "d"}}, "{name: r1, unit: 3}": RackPlace{"r1", 3},
		"[{to: 10.0.0.0/8, via: 10.1.1.1}]": []Route{{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParseAddr("10.1.1.1")}},
		"{43: 0601}":                        map[uint8][]byte{43: {6, 1}}, "first-boot": FirstBoot,
		"{x: {secret: y}}": map[string]any{"x": SecretRef("y")},
	} {
		if got := ShowValue(v); got != want {
			t.Errorf("%#v: %s, not %s", v, got, want)
		}
	}
}
