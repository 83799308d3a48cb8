//go:build e2e

package twin

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"rackhand/provision/catalog"
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

// An outcome is that of a run for one pair.
type outcome struct {
	changed, failed []string
	causes          map[string]bool // of our changes
}

// run runs both tools, and has judge look at what each of them did for a pair.
func (tw *twins) run(what string, judge func(p *pair, tool string, o outcome) string) {
	tw.t.Helper()
	var said, agent string
	tw.both(func(h *hosttest.Host) {
		if h == tw.puppet {
			said, _ = h.Try("env", "HOME=/root", "LC_ALL=C.UTF-8", "puppet", "apply", "--color=false", "/root/twin.pp")
		} else {
			agent, _ = h.Try("rackhand-agent", "once")
		}
	})
	theirs := tw.ofPuppet(said)
	ours := tw.ofAgent(agent)
	for i := range tw.all {
		p := &tw.all[i]
		for i, o := range []outcome{theirs[p.name], ours[p.name]} {
			tool := []string{"Puppet", "rackhand"}[i]
			fails := p.fails || p.refuses != "" && tool == "rackhand"
			if fails && len(o.failed) == 0 {
				tw.fault(p, "%s, %s: nothing failed", what, tool)
			}
			for _, line := range o.failed {
				if !fails {
					tw.fault(p, "%s, %s: failed: %s", what, tool, line)
				}
			}
			if why := judge(p, tool, o); why != "" {
				tw.fault(p, "%s, %s: %s", what, tool, why)
			}
		}
	}
}

// event is a line of Puppet's log about a resource of a class.
var event = regexp.MustCompile(`^(Notice|Error|Warning): (?:.*?)/Stage\[main\]/([A-Z]\w*)/`)

// ofPuppet reads what Puppet said: what it did for which pair.
func (tw *twins) ofPuppet(said string) map[string]outcome {
	out := map[string]outcome{}
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if m := event.FindStringSubmatch(line); m != nil && !strings.HasSuffix(line, "has failures: true") { // of what it requires
			name := strings.ReplaceAll(strings.TrimPrefix(m[2], "Pair_"), "_", "-")
			o := out[name]
			if m[1] == "Notice" {
				o.changed = append(o.changed, line)
			} else {
				o.failed = append(o.failed, line)
			}
			out[name] = o
		}
	}
	if !strings.Contains(said, "Applied catalog") {
		tw.t.Fatalf("Puppet applied no catalog:\n%s", said)
	}
	return out
}

// ofAgent reads our agent's report: what it did for which pair, by the role that declares
// the resource.
func (tw *twins) ofAgent(said string) map[string]outcome {
	tw.t.Helper()
	b, err := os.ReadFile(filepath.Join(tw.ours.Root, "var/lib/rackhand-agent/catalog-2.json"))
	var c catalog.Catalog
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		tw.t.Fatalf("the agent kept no catalog: %v\n%s", err, said)
	}
	owner := map[string]string{}
	for _, p := range tw.all {
		owner["roles/"+p.name+".yaml"] = p.name
		for file := range p.files {
			owner[file] = p.name
		}
	}
	sources := map[string]string{}
	for _, r := range c.Resources {
		file, _, _ := strings.Cut(r.Source, ":")
		sources[r.ID] = owner[file]
	}
	report := tw.ours.Report()
	if report.Error != "" || len(report.Results) == 0 {
		tw.t.Fatalf("the agent reports %q\n%s", report.Error, said)
	}
	out := map[string]outcome{}
	for _, r := range report.Results {
		o, line := out[sources[r.ID]], r.ID+": "+r.Status+" "+r.Message
		switch r.Status {
		case catalog.OK:
			continue
		case catalog.Changed:
			o.changed = append(o.changed, line)
			if o.causes == nil {
				o.causes = map[string]bool{}
			}
			o.causes[r.Cause] = true
		default:
			o.failed = append(o.failed, line)
		}
		out[sources[r.ID]] = o
	}
	return out
}

// changes: each pair was brought about.
func (tw *twins) changes(_ *pair, _ string, o outcome) string {
	if len(o.changed)+len(o.failed) == 0 {
		return "nothing was changed"
	}
	return ""
}

// nothing: no pair had anything to do.
func (tw *twins) nothing(p *pair, tool string, o outcome) string {
	switch {
	case tool == "Puppet" && p.repeats != "":
		if len(o.changed) == 0 {
			return "it has nothing to do: take the reason away (repeats)"
		}
	case len(o.changed) > 0:
		return "it isn't idempotent: " + strings.Join(o.changed, "\n")
	}
	return ""
}

// drifted: what drifted was mended, and we call it drift.
func (tw *twins) drifted(p *pair, tool string, o outcome) string {
	switch {
	case p.drift == "" && len(o.changed) > 0 && (tool != "Puppet" || p.repeats == ""):
		return "nothing drifted, and it changed: " + strings.Join(o.changed, "\n")
	case p.drift != "" && len(p.stays) == 0 && len(o.changed) == 0:
		return "the drift wasn't noticed"
	case p.drift != "" && len(o.changed) > 0 && tool == "rackhand" && !o.causes["drift"] && !o.causes["secret"]:
		return fmt.Sprintf("the drift has the causes %q", slices.Collect(maps.Keys(o.causes)))
	}
	return ""
}
