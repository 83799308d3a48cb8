package inventory

import "rackhand/config/schema"

// keyOfSecret makes a mapping a secret's name: {secret: bmc/web1}.
const keyOfSecret = "secret"

// readVariable reads a variable: text, a list or a mapping. {secret: name} is a
// [SecretRef], wherever it stands.
func readVariable(what string, n schema.Node) any {
	v := n.Any()
	if namesSecret(v) {
		return withSecrets(what, n)
	}
	return v
}

// namesSecret reports whether {secret: ...} stands somewhere in a variable.
func namesSecret(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if namesSecret(item) {
				return true
			}
		}
	case map[string]any:
		if _, ok := v[keyOfSecret]; ok && len(v) == 1 {
			return true
		}
		for _, item := range v {
			if namesSecret(item) {
				return true
			}
		}
	}
	return false
}

// withSecrets reads a variable node by node.
func withSecrets(what string, n schema.Node) any {
	switch {
	case n.IsList():
		nodes, _ := n.List(what)
		items := make([]any, 0, len(nodes))
		for _, item := range nodes {
			items = append(items, withSecrets(what, item))
		}
		return items
	case n.IsMapping():
		m := map[string]any{}
		var secret *schema.Node
		n.Each(what, func(name string, _, value schema.Node) {
			if name == keyOfSecret {
				secret = &value
			}
			m[name] = withSecrets(what, value)
		})
		if secret == nil || len(m) != 1 {
			return m
		}
		ref, ok := secretName(what, *secret)
		return orNil(ref, ok)
	}
	return n.Any()
}

// secretName reads the name in {secret: name}.
func secretName(what string, n schema.Node) (SecretRef, bool) {
	name, ok := n.Text(what + ": " + keyOfSecret)
	if !ok {
		n.Hide()
		return "", false
	}
	if !validSecret(name) {
		n.Hide() // it may be the secret itself
		n.Problem("write a path within the secrets folder, such as bmc/web1", "%s: this can't be the name of a secret", what)
		return "", false
	}
	return SecretRef(name), true
}
