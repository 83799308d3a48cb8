package edit

import (
	"slices"
	"strings"

	"rackhand/provision/catalog"
)

// A publicKey is a line of authorized_keys (sshd(8), "AUTHORIZED_KEYS FILE FORMAT").
type publicKey struct{ options, key, comment string }

// readKey reads a line; false if no key is in it.
func readKey(text string) (k publicKey, ok bool) {
	text = strings.Trim(text, " \t")
	if text == "" || text[0] == '#' {
		return k, false
	}
	typ, rest := word(text)
	if !catalog.IsKeyType(typ) {
		k.options, text = options(text)
		if typ, rest = word(text); !catalog.IsKeyType(typ) {
			return k, false
		}
	}
	blob, comment := word(rest)
	k.key, k.comment = typ+" "+blob, comment
	return k, blob != ""
}

// word is the text up to the first blanks, and the rest behind them.
func word(text string) (first, rest string) {
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i], strings.TrimLeft(text[i:], " \t")
	}
	return text, ""
}

// options is the text up to the first blank outside of quotes, and the rest behind it.
func options(text string) (first, rest string) {
	quoted := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' && (i == 0 || text[i-1] != '\\'):
			quoted = !quoted
		case (c == ' ' || c == '\t') && !quoted:
			return text[:i], strings.TrimLeft(text[i:], " \t")
		}
	}
	return text, ""
}

// Key brings a key of authorized_keys about, and says what it changed; nil if it holds
// already. A key is found by its base64, whatever its options and its comment are.
func Key(text []byte, want *catalog.AuthorizedKey) (out []byte, did []string, err error) {
	d := split(text)
	keys := make([]publicKey, len(d.rows))
	var same, foreign []int
	for i, r := range d.rows {
		k, ok := readKey(r.text)
		keys[i] = k
		switch {
		case !ok:
		case k.key == want.Key:
			same = append(same, i)
		case want.Exclusive && !slices.Contains(want.Keep, k.key):
			foreign = append(foreign, i)
		}
	}
	drop := same
	if want.Ensure == catalog.Present {
		to := publicKey{strings.Join(want.Options, ","), want.Key, want.Name}
		line := strings.TrimLeft(to.options+" "+to.key+" "+to.comment, " ")
		switch {
		case len(same) == 0:
			did = append(did, "key added")
			d.insert(len(d.rows), line)
		default:
			// Another line of the same key might allow more than the declared options do.
			if drop = same[1:]; keys[same[0]] != to {
				did = append(did, changes(keys[same[0]], to))
				d.rows[same[0]].text = line
			}
		}
	}
	if len(drop) > 0 {
		did = append(did, "key removed, "+numbers(drop))
	}
	if len(foreign) > 0 {
		did = append(did, "keys that aren't declared removed, "+numbers(foreign))
	}
	if did == nil {
		return text, nil, nil
	}
	drop = slices.Sorted(slices.Values(append(slices.Clone(drop), foreign...)))
	d.remove(drop...)
	return d.bytes(), did, nil
}

func changes(from, to publicKey) string {
	if from.options != to.options {
		return "options changed"
	}
	return "comment changed"
}
