//go:build e2e

package twin

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/hosttest"
)

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
