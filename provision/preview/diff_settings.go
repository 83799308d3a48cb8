package preview

import (
	"maps"
	"slices"
	"strings"

	"rackhand/inventory"
)

// A SettingChange is a change in the inventory itself, of one network or of all hosts with
// the same change.
type SettingChange struct {
	Network string   `json:"network,omitempty"` // "" for one of hosts
	Hosts   []string `json:"hosts,omitempty"`
	// Lines are one for each setting, "role: db -> web", or the one word added or
	// removed of a network.
	Lines []string `json:"lines"`
}

// settingChanges returns the differences in the settings of networks, and of hosts that both
// inventories have. Settings that a host inherits from its network appear at the network.
func settingChanges(old, now *inventory.Snapshot) []SettingChange {
	var out []SettingChange
	index := map[string]int{}
	for _, c := range inventory.Diff(old, now) {
		switch {
		case c.Network != "" && c.Kind != inventory.Altered:
			out = append(out, SettingChange{Network: c.Network, Lines: []string{c.Kind}})
		case c.Network != "":
			lines := settingLines(c.Fields, values(inventory.ExplainNetwork(old, c.Network)), values(inventory.ExplainNetwork(now, c.Network)))
			out = append(out, SettingChange{Network: c.Network, Lines: lines})
		case c.Kind == inventory.Altered && !c.ByNetwork():
			lines := settingLines(ownFields(c.Fields), hostValues(old, c.Host), hostValues(now, c.Host))
			key := strings.Join(lines, "\n")
			i, ok := index[key]
			if !ok {
				i = len(out)
				index[key] = i
				out = append(out, SettingChange{Lines: lines})
			}
			out[i].Hosts = append(out[i].Hosts, c.Host)
		}
	}
	for _, c := range out {
		slices.SortFunc(c.Hosts, naturally)
	}
	return out
}

// ownFields are those that are not the network's.
func ownFields(fields []string) []string {
	return slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return strings.HasPrefix(f, "network.") })
}

func hostValues(s *inventory.Snapshot, host string) map[string]string {
	settings, err := inventory.ExplainHost(s, host)
	if err != nil {
		return nil // it is in both, so this can't fail
	}
	return values(settings)
}

// values are the values in force, as they are shown.
func values(settings []inventory.Setting) map[string]string {
	out := make(map[string]string, len(settings))
	for _, s := range settings {
		out[s.Key] = inventory.ShowValue(s.Origins[0].Value)
	}
	return out
}

// settingLines writes the differences in some fields, and in the values below them: for an
// altered system that is system.image.
func settingLines(fields []string, before, after map[string]string) []string {
	all := maps.Clone(before)
	maps.Copy(all, after)
	var lines []string
	for _, field := range fields {
		told := len(lines)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			a, hadA := before[key]
			b, hasB := after[key]
			if (key != field && !strings.HasPrefix(key, field+".")) || (a == b && hadA == hasB) {
				continue
			}
			lines = append(lines, key+": "+arrow(a, hadA, b, hasB))
		}
		if told == len(lines) {
			lines = append(lines, field)
		}
	}
	return lines
}

// arrow writes "a -> b"; long values are cut where they begin to differ too late to
// be shown.
func arrow(a string, hadA bool, b string, hasB bool) string {
	const most = 60
	show := func(v string, given bool) string {
		if !given {
			return "none"
		}
		if r := []rune(v); len(r) > most {
			return string(r[:most-1]) + "…"
		}
		return v
	}
	from, to := show(a, hadA), show(b, hasB)
	if from == to {
		return "changed, " + to
	}
	return from + " -> " + to
}
