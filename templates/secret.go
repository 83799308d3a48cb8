package templates

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rackhand/inventory"
)

// A Secret is the value of a secret, on its way into what is rendered. It is a type
// of its own so that {{ secret (var "x") }} can tell a value from a name.
type Secret string

// Mask stands for every secret in what is shown to people.
const Mask = "***"

// MaskSecret stands in for the lookup of secrets where the rendered text is shown:
// no secret is read, and each is a [Mask].
func MaskSecret(string) (string, error) { return Mask, nil }

// StandIn stands for a secret where what is rendered is checked and thrown away. It
// has the form of a hash, for which --iscrypted is right.
const StandIn = "$6$0000000000000000$" +
	"0000000000000000000000000000000000000000000" +
	"0000000000000000000000000000000000000000000"

// StandInSecret looks no secret up: each is a [StandIn].
func StandInSecret(string) (string, error) { return StandIn, nil }

// resolve puts values in the place of secrets' names, at any depth.
func (f *functions) resolve(v any) (any, error) {
	switch v := v.(type) {
	case inventory.SecretRef:
		return f.value(string(v))
	case []any:
		if !slices.ContainsFunc(v, holdsSecret) {
			return v, nil
		}
		out := make([]any, len(v))
		for i, item := range v {
			var err error
			if out[i], err = f.resolve(item); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		if !holdsSecret(v) {
			return v, nil
		}
		out := make(map[string]any, len(v))
		// In order, so that of two missing secrets the error always names the same
		// one.
		for _, key := range slices.Sorted(maps.Keys(v)) {
			var err error
			if out[key], err = f.resolve(v[key]); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// holdsSecret reports whether a variable names a secret, at any depth.
func holdsSecret(v any) bool {
	switch v := v.(type) {
	case inventory.SecretRef:
		return true
	case []any:
		return slices.ContainsFunc(v, holdsSecret)
	case map[string]any:
		for _, item := range v {
			if holdsSecret(item) {
				return true
			}
		}
	}
	return false
}

// secret is secret NAME. A variable's {secret: name} that is already resolved passes
// through, so a template works with both forms.
func (f *functions) secret(v any) (Secret, error) {
	switch v := v.(type) {
	case Secret:
		return v, nil
	case inventory.SecretRef:
		return f.value(string(v))
	case string:
		return f.value(v)
	}
	return "", fmt.Errorf("secret takes a secret's name, such as \"rootpw/web\", not a %T", v)
}

func (f *functions) value(name string) (Secret, error) {
	if f.lookup == nil {
		return "", errors.New("secrets are not at hand here")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.given[name] {
		// An error of the lookup would contain it, in forms that are not redacted.
		return "", errors.New("this is the value of a secret, not the name of one")
	}
	v, err := f.lookup(name)
	if err == nil && v != "" && v != Mask {
		if f.given == nil {
			f.given = map[string]bool{}
		}
		f.given[v] = true
	}
	return Secret(v), err
}

// redact takes the secrets that were given out of a text: as they are, and as %q
// writes them. A function may have got one, and quote it in its error.
func (f *functions) redact(text string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	// The longest first: one may be a part of another.
	all := slices.SortedFunc(maps.Keys(f.given), func(a, b string) int { return len(b) - len(a) })
	for _, v := range all {
		quoted := strconv.Quote(v)
		for _, form := range []string{quoted[1 : len(quoted)-1], v} {
			text = strings.ReplaceAll(text, form, Mask)
		}
	}
	return text
}
