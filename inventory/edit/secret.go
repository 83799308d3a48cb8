package edit

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// secretRef is a text that is meant to name a secret, well written or not. Taken as a
// text, it would become the password itself.
var secretRef = regexp.MustCompile(`(?i)^\{\s*["']?secrets?\b`)

// namedSecret is the secret that a text names, as the inventory writes it: {secret: bmc/web1}.
func namedSecret(text string) (name string, ok bool, err error) {
	text = strings.TrimSpace(text)
	if !secretRef.MatchString(text) {
		return "", false, nil
	}
	var doc map[string]any
	if yaml.Unmarshal([]byte(text), &doc) == nil && len(doc) == 1 {
		if name, ok := doc["secret"].(string); ok && name != "" {
			return name, true, nil
		}
	}
	return "", false, refuse("write '{secret: NAME}'", "%s looks like a reference to a secret, but is not one", text)
}

// setSecret gives the key at a path a secret's name as its value. It replaces the text or
// secret's name that stands there.
func setSecret(data []byte, path Path, name string) (Result, error) {
	d, err := parse(data)
	if err != nil {
		return Result{}, err
	}
	f := Field{Key: "secret", Values: []string{name}}
	w, err := d.walk(path)
	if err != nil {
		return Result{}, err
	}
	if len(w.missing) > 0 || w.value.Kind == yaml.MappingNode && len(w.value.Content) > 0 {
		within := append(append(Path{}, path...), f.Key)
		return put(data, within, f)
	}
	splices, err := d.replace(w, path, Field{Key: path.last(), Fields: []Field{f}})
	if err != nil {
		return Result{}, byHand(path, err)
	}
	return d.finish(path, splices, func() { w.expectPut(d, Field{Key: path.last(), Fields: []Field{f}}) })
}
