package inventory

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, text string) *Snapshot {
	t.Helper()
	s, problems := Parse("a.yaml", []byte(text), Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

const before = `
networks: {n: {subnet: 10.1.0.0/24, gateway: 10.1.0.1}, m: {subnet: 10.2.0.0/24}}
systems: {a: {installer: image, image: a}, b: {installer: image, image: b}}
groups: {g: {kickstart: base.ks}, h: {kickstart: base.ks, variables: {v: 2}}}
hosts:
  same: {mac: 52:54:00:00:00:01, address: 10.2.0.11, group: g, variables: {x: [1, {y: z}]}}
  gone: {mac: 52:54:00:00:00:02, address: 10.2.0.12}
  all:
    mac: 52:54:00:00:00:03
    address: 10.1.0.13
    group: g
    system: a
    role: r
    budget: 10m
    install: on-request
    disk: sda
    bmc: {address: 10.1.0.113, user: u, password: {secret: p}}
    rack: {name: r1, unit: 1}
    variables: {v: 1, w: 1, x: [1]}
  by-network: {mac: 52:54:00:00:00:04, address: 10.1.0.14}
  by-system: {mac: 52:54:00:00:00:05, address: 10.2.0.15, system: b, kickstart: base.ks}
`

const after = `
# moved down, which is no change
networks: {n: {subnet: 10.1.0.0/24, gateway: 10.1.0.2}, m: {subnet: 10.2.0.0/24}}
systems: {a: {installer: image, image: a}, b: {installer: image, image: c}}
groups: {g: {kickstart: base.ks}, h: {kickstart: base.ks, variables: {v: 2}}}
hosts:
  new: {mac: 52:54:00:00:00:02, address: 10.2.0.12}
  same: {mac: 52:54:00:00:00:01, address: 10.2.0.11, group: g, variables: {x: [1, {y: z}]}}
  all:
    mac: [52:54:00:00:00:13, 52:54:00:00:00:03]
    address: 10.1.0.14
    group: h
    system: b
    kickstart: other.ks
    role: s
    budget: 11m
    install: first-boot
    disk: sdb
    bmc: {address: 10.1.0.113, user: u, password: {secret: q}}
    rack: {name: r1, unit: 2}
    variables: {x: [2]}
  by-network: {mac: 52:54:00:00:00:04, address: 10.1.0.15}
  by-system: {mac: 52:54:00:00:00:05, address: 10.2.0.15, system: b, kickstart: base.ks}
`

func texts(changes []Change) []string {
	var out []string
	for _, c := range changes {
		out = append(out, c.String())
	}
	return out
}

func TestDiff(t *testing.T) {
	a, b := parse(t, before), parse(t, after)
	want := []string{
		"network n: gateway",
		"all: address, bmc, budget, disk, group, install, kickstart, mac, network.gateway, rack, roles, system, variables.v, variables.w, variables.x",
		"by-network: address, network.gateway",
		"by-system: system",
		"gone: removed",
		"new: added",
	}
	if diff := cmp.Diff(want, texts(Diff(a, b))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := Diff(b, b); got != nil {
		t.Errorf("a snapshot differs from itself: %v", got)
	}
	if got := texts(Diff(nil, parse(t, oneHost))); !cmp.Equal(got, []string{"network n: added", "web1: added"}) {
		t.Errorf("first load: %v", got)
	}
	if got := texts(Diff(parse(t, oneHost), nil)); !cmp.Equal(got, []string{"network n: removed", "web1: removed"}) {
		t.Errorf("to nothing: %v", got)
	}
	if got := Diff(nil, nil); got != nil {
		t.Errorf("nothing: %v", got)
	}
}

func TestHolderKeepsTheLastGoodOne(t *testing.T) {
	var h Holder
	if h.Current() != nil || h.Problems() != nil || h.Changed() != nil {
		t.Error("a new holder holds something")
	}
	wrong := Problems{{File: "a.yaml", Message: "wrong"}}
	if h.Put(nil, wrong); h.Current() != nil || len(h.Problems()) != 1 {
		t.Error("a bad first load")
	}
	first := parse(t, oneHost)
	if got := texts(h.Put(first, nil)); !cmp.Equal(got, []string{"network n: added", "web1: added"}) {
		t.Errorf("changes: %v", got)
	}
	if h.Current() != first || len(h.Problems()) != 0 {
		t.Error("the good load isn't there")
	}
	if got := h.Put(nil, wrong); got != nil || h.Current() != first || len(h.Problems()) != 1 || len(h.Changed()) != 2 {
		t.Error("a bad load replaced the good one, or wasn't told")
	}
	// Even if it comes with a snapshot.
	if h.Put(parse(t, "hosts: {}"), wrong); h.Current() != first {
		t.Error("a snapshot with problems was taken")
	}
	second := parse(t, "hosts: {}")
	h.Put(second, nil)
	if got := texts(h.Changed()); h.Current() != second || len(h.Problems()) != 0 || !cmp.Equal(got, []string{"network n: removed", "web1: removed"}) {
		t.Errorf("changes: %v", got)
	}
}

func TestHolderByMany(t *testing.T) {
	var h Holder
	a, b := parse(t, oneHost), parse(t, "hosts: {}")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				h.Put(a, nil)
				h.Put(b, nil)
			}
		})
		wg.Go(func() {
			for range 200 {
				if s := h.Current(); s != nil && s != a && s != b {
					t.Error("a snapshot that nobody put")
				}
				h.Changed()
			}
		})
	}
	wg.Wait()
}

func TestExplainUnknown(t *testing.T) {
	s := parse(t, oneHost)
	if _, err := Explain(s, "web2", "role"); err == nil || err.Error() != `there is no host "web2" in the inventory: did you mean "web1"?` {
		t.Errorf("unknown host: %v", err)
	}
	if got, err := Explain(s, "web1", "role"); err != nil || got != nil {
		t.Errorf("a key that nothing gives: %v, %v", got, err)
	}
	if _, err := Explain(nil, "web1", "role"); err == nil {
		t.Error("no inventory, no error")
	}
}
