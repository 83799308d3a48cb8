package edit

import (
	"regexp"

	"gopkg.in/yaml.v3"
)

// secretRef is a text that names a secret, as the inventory writes it.
var secretRef = regexp.MustCompile(`^\{ *secret: *("[^"]*"|'[^']*'|[^ '"{},]+) *\}$`)

// namedSecret is the secret that a text names: {secret: bmc/web1}.
func namedSecret(text string) (name string, ok bool) {
	m := secretRef.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	var doc struct {
		Secret string `yaml:"secret"`
	}
	err := yaml.Unmarshal([]byte(text), &doc)
	return doc.Secret, err == nil && doc.Secret != ""
}

// setSecret gives the key at a path a secret's name as its value: what stands there, a
// text or another secret's name, is replaced.
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
