package preview

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/sync/errgroup"
	"gopkg.in/yaml.v3"

	"rackhand/inventory"
	"rackhand/provision/catalog"
	"rackhand/provision/handout"
	"rackhand/templates"
)

// A Comparison has the effects of a change of the inventory.
type Comparison struct {
	// Altered are the hosts whose texts differ, Added and Removed those
	// that only one of the two inventories has; each sorted, web2 before web10.
	Altered []string `json:"altered,omitempty"`
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
	// Answers are the distinct changes of the texts for hosts.
	Answers []AnswerChange `json:"answers,omitempty"`
	// Settings are the changes in words, each with the networks or hosts that have it.
	Settings []SettingChange `json:"settings,omitempty"`
	// Broken are the hosts that can't be rendered as the inventory is now.
	Broken []string `json:"broken,omitempty"`
}

// Any reports whether anything differs.
func (c *Comparison) Any() bool {
	return len(c.Altered)+len(c.Added)+len(c.Removed)+len(c.Settings) > 0
}

// An AnswerChange is one change of one answer, the same for all of its hosts but for
// their own names, addresses and MACs.
type AnswerChange struct {
	Answer Answer   `json:"answer"`
	Hosts  []string `json:"hosts"`
	// Diff is the unified diff of the first host.
	Diff string `json:"diff"`
}

// Answers that can't be rendered one by one.
const (
	diskScript Answer = "script for its own disk"
	checks     Answer = "checks"
)

// Compare renders every host of two inventories and returns the differences. Both must mask
// secrets. oldName names the first inventory in the diffs.
func Compare(ctx context.Context, old, now *Preview, oldName string) (*Comparison, error) {
	c := &Comparison{}
	var both []string
	for name := range now.Snapshot.Hosts {
		if old.Snapshot.Hosts[name] != nil {
			both = append(both, name)
		} else {
			c.Added = append(c.Added, name)
		}
	}
	for name := range old.Snapshot.Hosts {
		if now.Snapshot.Hosts[name] == nil {
			c.Removed = append(c.Removed, name)
		}
	}
	for _, names := range [][]string{both, c.Added, c.Removed} {
		slices.SortFunc(names, naturally)
	}
	// Each host's place is known before, so that the order is that of the names
	// whichever is rendered first.
	found := make([][]hostChange, len(both))
	broken := make([]bool, len(both))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range both {
		g.Go(func() error {
			found[i], broken[i] = compareHost(old, now, name, oldName)
			return ctx.Err()
		})
	}
	added := make([]bool, len(c.Added))
	for i, name := range c.Added {
		g.Go(func() error {
			_, added[i] = now.answers(name)
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, name := range both {
		if len(found[i]) > 0 {
			c.Altered = append(c.Altered, name)
		}
		if broken[i] {
			c.Broken = append(c.Broken, name)
		}
	}
	for i, name := range c.Added {
		if added[i] {
			c.Broken = append(c.Broken, name)
		}
	}
	c.Answers = groupChanges(both, found)
	c.Settings = settingChanges(old.Snapshot, now.Snapshot)
	return c, nil
}

// A hostChange is a change of one answer of one host.
type hostChange struct {
	answer Answer
	diff   string
	// key is the same for hosts with the same change.
	key string
}

func compareHost(old, now *Preview, name, oldName string) (changes []hostChange, broken bool) {
	before, _ := old.answers(name)
	after, broken := now.answers(name)
	own := owned(old.Snapshot.Hosts[name], now.Snapshot.Hosts[name])
	for i, b := range before {
		a := after[i]
		if a.text == b.text {
			continue
		}
		// Missing before or after: in a diff it is an empty file.
		title := fmt.Sprintf("%s %s", name, a.what)
		out := diff.Diff(title+" at "+oldName, []byte(b.text), title+" now", []byte(a.text))
		_, text, _ := strings.Cut(string(out), "\n") // "diff A B" says nothing more
		changes = append(changes, hostChange{answer: a.what, diff: text, key: changeKey(text, own)})
	}
	return changes, broken
}

// A rendered is one answer's text; "" where a host has none.
type rendered struct {
	what Answer
	text string
}

// answers renders all texts for a host, always the same list. If one can't be rendered, the
// error stands in its place, and it counts as broken.
func (p *Preview) answers(name string) (out []rendered, broken bool) {
	h := p.Snapshot.Hosts[name]
	add := func(what Answer, has bool, render func() (string, error)) {
		text := ""
		if has {
			var err error
			if text, err = render(); err != nil {
				text, broken = fmt.Sprintf("(it does not render: %v)\n", err), true
			}
		}
		out = append(out, rendered{what, text})
	}
	installed := h.System != nil
	answer := func(what Answer) func() (string, error) {
		return func() (string, error) {
			text, _, err := p.Render(name, what)
			return text, err
		}
	}
	add(Kickstart, installed, answer(Kickstart))
	add(Script, installed, answer(Script))
	add(Menu, installed && (h.Boot.SecureBoot || h.System.Processor() == inventory.ArchARM64), answer(Menu))
	add(diskScript, true, func() (string, error) {
		text, err := p.maker().Script(handout.IPXEHTTP.Disk(), templates.Data{Host: h})
		return text, ofHost(h, err)
	})
	compiled, err := p.Compile(h)
	add(CatalogJSON, len(h.Roles) > 0, func() (string, error) {
		if err != nil {
			return "", err
		}
		return catalogText(compiled.Catalog)
	})
	add(checks, len(h.Roles) > 0, func() (string, error) {
		if err != nil {
			return "", nil // reported with the catalog
		}
		return checksText(compiled.Checks)
	})
	return out, broken
}

// catalogText is a catalog in a form that diffs well: as YAML, with a file's content line by
// line, and without places in the roles.
func catalogText(c catalog.Catalog) (string, error) {
	c.Version = "" // a hash over the rest
	c.Checks = nil // shown with the others
	c.Resources = slices.Clone(c.Resources)
	for i := range c.Resources {
		c.Resources[i].Source = ""
	}
	return asYAML(c)
}

// checksText is a role's checks in a form that diffs well. Those on the host stand in the
// catalog, too; they are shown here alone.
func checksText(list []catalog.Check) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	type check struct {
		catalog.Check
		Within   string `json:"within"`
		Deadline string `json:"deadline"`
		Source   string `json:"source"`
	}
	seconds := func(n int) string { return (time.Duration(n) * time.Second).String() }
	var out []check
	for _, c := range list {
		out = append(out, check{Check: c, Within: seconds(c.Within), Deadline: seconds(c.Deadline)})
	}
	return asYAML(out)
}

// asYAML writes a value with the names of its JSON.
func asYAML(v any) (string, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	var plain any
	if err := json.Unmarshal(data, &plain); err != nil {
		return "", err
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	err = enc.Encode(withoutEmpty(plain))
	return b.String(), err
}

// withoutEmpty drops empty values.
func withoutEmpty(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if inner == "" {
				delete(v, key)
			} else {
				v[key] = withoutEmpty(inner)
			}
		}
	case []any:
		for i, inner := range v {
			v[i] = withoutEmpty(inner)
		}
	}
	return v
}
