package audit

import (
	"cmp"
	"slices"
	"strings"

	"rackhand/provision"
)

// Rank makes one finding of all with one kind, and orders them: by severity, within it by the
// order of the kinds. BMCs are in the order of their names.
func Rank(found []provision.Finding) []provision.Finding {
	byKind := map[string][]provision.FaultyBMC{}
	for _, f := range found {
		byKind[f.Kind] = append(byKind[f.Kind], f.BMCs...)
	}
	out := []provision.Finding{}
	for _, k := range kinds() {
		bmcs := byKind[k.name]
		if len(bmcs) == 0 {
			continue
		}
		slices.SortFunc(bmcs, func(a, b provision.FaultyBMC) int {
			return cmp.Or(provision.CompareNames(a.Name(), b.Name()), cmp.Compare(a.Detail, b.Detail))
		})
		remedy := k.remedy
		if len(bmcs) == 1 {
			remedy.Command = filled(remedy.Command, bmcs[0])
		}
		out = append(out, provision.Finding{Severity: k.severity, Kind: k.name, What: k.what, Why: k.why, Remedy: remedy, BMCs: bmcs})
	}
	return out
}

// filled puts what is known of the one BMC with a fault into a command.
func filled(command string, b provision.FaultyBMC) string {
	if b.Host != "" {
		command = strings.ReplaceAll(command, "HOST", b.Host)
	}
	if b.Address != "" {
		command = strings.ReplaceAll(command, "ADDRESS", b.Address)
	}
	// The detail is the user or the fingerprint where a command has them.
	if plain(b.Detail) {
		command = strings.NewReplacer("FINGERPRINT", b.Detail, "USER", b.Detail).Replace(command)
	}
	return command
}

// plain reports whether a shell reads a text as one word, and as it stands.
func plain(text string) bool {
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == "" && text[0] != '-'
}
