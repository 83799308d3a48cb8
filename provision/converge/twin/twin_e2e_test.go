//go:build e2e

package twin

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rackhand/provision/converge/hosttest"
)

// twins are two booted systems of the same root.
type twins struct {
	t             *testing.T
	puppet, ours  *hosttest.Host
	all           []pair
	lock          sync.Mutex          // of found
	found         map[string][]string // faults of a pair; "" for those of none
	excused       map[string]bool     // pair and pattern, of reasons that were needed
	first, second [2]facts
}

// TestTwins runs both tools three times: the first run brings all pairs about, the second
// one finds nothing to do, and the third one, after drift, brings them about again. After
// each, the systems are equal.
func TestTwins(t *testing.T) {
	tw := start(t)
	tw.script("prepare", func(p *pair) string { return p.prepare })
	before := observe(t, tw.ours)

	tw.run("first run", tw.changes)
	tw.first = tw.observe()
	tw.compare("after the first run", tw.first)
	tw.vacuous(before)

	tw.run("second run", tw.nothing)

	tw.script("drift", func(p *pair) string { return p.drift })
	tw.run("run after drift", tw.drifted)
	tw.second = tw.observe()
	tw.compare("after drift", tw.second)
	tw.back("Puppet", tw.first[0], tw.second[0])
	tw.back("rackhand", tw.first[1], tw.second[1])

	tw.unneeded()
	for _, p := range tw.all {
		t.Run(p.name, func(t *testing.T) {
			for _, text := range tw.found[p.name] {
				t.Error(text)
			}
		})
	}
	for _, text := range tw.found[""] {
		t.Errorf("no pair names it: %s", text)
	}
}

func start(t *testing.T) *twins {
	system := filepath.Join(os.Getenv("RACKHAND_PEERS"), "puppet")
	tw := &twins{
		t: t, all: pairs(), puppet: hosttest.New(t, system), ours: hosttest.New(t, system),
		found: map[string][]string{}, excused: map[string]bool{},
	}
	inventory := map[string]string{"rack.yaml": hosttest.Inventory("twin")}
	manifest, role := &strings.Builder{}, &strings.Builder{}
	role.WriteString("include:\n")
	for i := range tw.all {
		p := &tw.all[i]
		if inventory["roles/"+p.name+".yaml"] != "" {
			t.Fatalf("two pairs are called %s", p.name)
		}
		inventory["roles/"+p.name+".yaml"] = p.roleText()
		maps.Copy(inventory, p.files)
		fmt.Fprintf(role, "  - %s\n", p.name)
		manifest.WriteString(p.manifest())
	}
	inventory["roles/twin.yaml"] = role.String()
	for _, h := range []*hosttest.Host{tw.puppet, tw.ours} {
		h.Write("root/twin.pp", manifest.String(), 0o600)
		repository(t, h)
	}
	tw.both(func(h *hosttest.Host) {
		if h == tw.puppet {
			h.Alone()
		} else {
			h.Manage(inventory)
		}
		h.Do("apt-get", "-q", "update")
	})
	return tw
}

// repository makes a repository on a system, the only one that its apt knows.
func repository(t *testing.T, h *hosttest.Host) {
	t.Helper()
	if out, err := exec.Command("sh", "-ec", archive, "sh", h.Root).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// both does something on both systems at once.
func (tw *twins) both(do func(*hosttest.Host)) {
	var wg sync.WaitGroup
	for _, h := range []*hosttest.Host{tw.puppet, tw.ours} {
		wg.Go(func() { do(h) })
	}
	wg.Wait()
	if tw.t.Failed() {
		tw.t.FailNow()
	}
}

// script runs a script of each pair on both systems.
func (tw *twins) script(what string, of func(*pair) string) {
	tw.t.Helper()
	var all strings.Builder
	all.WriteString(prelude)
	for i := range tw.all {
		fmt.Fprintf(&all, "(set -e\n%s\n) >/root/twin.log 2>&1\n[ $? = 0 ] || { echo '%s '; cat /root/twin.log; exit; }\n", of(&tw.all[i]), tw.all[i].name)
	}
	tw.both(func(h *hosttest.Host) {
		h.Write("root/twin.sh", all.String(), 0o600)
		if out := h.Do("sh", "/root/twin.sh"); out != "" {
			name, why, _ := strings.Cut(out, " ")
			tw.lock.Lock()
			defer tw.lock.Unlock()
			tw.found[name] = append(tw.found[name], what+" failed, and those of later pairs were not run: "+why)
		}
	})
}

// observe asks both systems for their facts: Puppet's, ours.
func (tw *twins) observe() (out [2]facts) {
	tw.both(func(h *hosttest.Host) {
		f := observe(tw.t, h)
		if h == tw.puppet {
			out[0] = f
		} else {
			out[1] = f
		}
	})
	return out
}

func (tw *twins) fault(p *pair, format string, args ...any) {
	name := ""
	if p != nil {
		name = p.name
	}
	tw.found[name] = append(tw.found[name], fmt.Sprintf(format, args...))
}
