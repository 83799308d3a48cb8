package inventory

import (
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"strings"
	"time"

	"rackhand/config/schema"
)

// The quirks of BMCs: words, and keys with a value. `rackhand set` writes a key and its value
// as one text.
var (
	quirkWords = []string{"no-readback", "settings-object", "uefi-disk-0x24", "no-efi-bit", "cycle: off-on", "cycle: own", "mode: always", "mode: never", "mode: changed"}
	quirkModes = []string{"always", "never", "changed"}
)

// The bounds of the quirk min-pause.
const (
	minPause = 100 * time.Millisecond
	maxPause = time.Minute
)

// parseQuirks reads a list of quirks: no-readback, {mode: never} and so on. Each becomes a
// text, such as "mode: never".
func parseQuirks(what string, n schema.Node) (quirks []string, ok bool) {
	items, ok := n.List(what)
	seen := map[string]bool{}
	add := func(n schema.Node, name, text string) {
		if seen[name] {
			n.Problem("keep one of the two", "%s: %s stands here twice", what, name)
			ok = false
			return
		}
		seen[name] = true
		quirks = append(quirks, text)
	}
	for _, item := range items {
		if item.IsMapping() {
			keyed := func(name string, read func(schema.Node) (string, bool)) func(schema.Node) {
				return func(n schema.Node) {
					value, is := read(n)
					if ok = ok && is; is {
						add(n, name, name+": "+value)
					}
				}
			}
			if !item.FieldsOr(what, schema.Fields{
				"mode":  keyed("mode", func(n schema.Node) (string, bool) { return n.OneOf(what+": mode", quirkModes...) }),
				"cycle": keyed("cycle", func(n schema.Node) (string, bool) { return n.OneOf(what+": cycle", "off-on", "own") }),
				"min-pause": keyed("min-pause", func(n schema.Node) (string, bool) {
					d, is := n.Duration(what+": min-pause", minPause, maxPause)
					return d.String(), is
				}),
			}, func(string, schema.Node) { ok = false }) {
				ok = false
			}
			continue
		}
		word, is := item.OneOfOr(what, quirkHints(), quirkWords...)
		if ok = ok && is; is {
			name, _, _ := strings.Cut(word, ":")
			add(item, name, word)
		}
	}
	return quirks, ok
}

// quirkHints are for quirks that need a value.
func quirkHints() map[string]string {
	return map[string]string{
		"mode": "write mode: always, mode: never or mode: changed", "cycle": "write cycle: off-on or cycle: own", "min-pause": "write {min-pause: 5s}",
	}
}

// isAuthorities reports whether a file may be one of certificates, by its name.
func isAuthorities(name string) bool {
	return strings.HasSuffix(name, ".pem") || strings.HasSuffix(name, ".crt")
}

// maxAuthorities bounds a file of certificates, in bytes.
const maxAuthorities = 256 << 10

// readCA reads a file of certificates in the inventory's folder and keeps them as PEM under
// its name. An inventory without a folder reads none.
func (l *loader) readCA(what string, n schema.Node) (name string, ok bool) {
	const hint = "put the certificates of your BMCs' authority into it, as PEM"
	if name, ok = n.Text(what); !ok {
		return "", false
	}
	if !validFileName(name) || !isAuthorities(name) {
		n.Problem("name a file of the inventory's folder that ends in .pem or .crt, without a path", "%s: %q can't be a file of certificates", what, name)
		return "", false
	}
	if _, done := l.authorities[name]; done || l.dir == "" {
		return name, true
	}
	data, err := schema.ReadFile(filepath.Join(l.dir, name), maxAuthorities)
	if err != nil {
		n.Problem(hint, "%s: can't read %s: %v", what, name, reason(err))
		return "", false
	}
	if len(data) > maxAuthorities {
		n.Problem(hint, "%s: %s has more than %d KiB", what, name, maxAuthorities>>10)
		return "", false
	}
	var kept []byte
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			n.Problem("remove it from the file; if others read the inventory, the authority needs a new key", "%s: %s holds a private key", what, name)
			return "", false
		}
		if _, err := x509.ParseCertificate(block.Bytes); block.Type != "CERTIFICATE" || err != nil {
			n.Problem(hint, "%s: %s holds something that is not a certificate", what, name)
			return "", false
		}
		kept = append(kept, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
	}
	if kept == nil {
		n.Problem(hint, "%s: %s holds no certificate in PEM form", what, name)
		return "", false
	}
	l.authorities[name] = kept
	return name, true
}
