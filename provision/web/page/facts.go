package page

import (
	"context"
	"fmt"
	"strings"
)

// A FactSource is a Source that also has what agents say of their hosts.
type FactSource interface {
	// Facts returns the facts of a host, with its secrets masked; nil for none. They are
	// claims: any JSON may stand where a text or a number is expected.
	Facts(ctx context.Context, host string) (map[string]any, error)
}

// The bounds of what a host's page shows of its facts. `rackhand facts HOST` shows all.
const (
	maxFactText = 80 // characters
	maxDisks    = 6
)

// viewFacts are the lines of a host's page about its facts; those that are not what is
// expected are left out.
func viewFacts(facts map[string]any) []field {
	var out []field
	add := func(name string, words ...string) {
		if text := strings.TrimSpace(strings.Join(words, " ")); text != "" {
			out = append(out, field{name, cut(text, maxFactText)})
		}
	}
	if name := text(facts, "os", "name"); name != "" {
		add("Operating system", name)
	} else {
		add("Operating system", text(facts, "os", "id"), text(facts, "os", "version"))
	}
	add("Kernel", text(facts, "kernel", "release"), text(facts, "kernel", "arch"))
	add("Processor", threads(facts), text(facts, "cpu", "model"))
	add("Memory", size(factAt(facts, "memory", "total")))
	if virtual := text(facts, "virtualisation"); virtual != "none" {
		add("Runs on", virtual)
	}
	add("Boot mode", text(facts, "boot_mode"))
	disks, _ := facts["disks"].([]any)
	for i, d := range disks {
		if i == maxDisks {
			add("Disks", fmt.Sprintf("%d more", len(disks)-i))
			break
		}
		disk, _ := d.(map[string]any)
		add("Disk", text(disk, "name"), size(disk["bytes"]), text(disk, "model"))
	}
	return out
}

// factAt is the value at a path of names; nil when nothing is there.
func factAt(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// text is the text at a path of names; "" without one.
func text(v any, path ...string) string {
	s, _ := factAt(v, path...).(string)
	return strings.Join(strings.Fields(s), " ")
}

func threads(facts map[string]any) string {
	if n, ok := factAt(facts, "cpu", "threads").(int); ok && n > 0 {
		if n == 1 {
			return "1 thread,"
		}
		return fmt.Sprintf("%d threads,", n)
	}
	return ""
}

// size writes bytes in the unit that people use; "" for what is no size.
func size(v any) string {
	n, ok := v.(int)
	switch {
	case !ok || n <= 0:
		return ""
	case n >= 10<<40:
		return fmt.Sprintf("%d TiB", n>>40)
	case n >= 1<<30:
		return fmt.Sprintf("%d GiB", (n+(1<<29))>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
