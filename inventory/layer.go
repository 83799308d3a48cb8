package inventory

import (
	"time"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// The keys that every layer (defaults, system, group, host) may give. Variables
// are merged one by one: the variable lang is the setting variables.lang.
const (
	keySystem      = "system"
	keyKickstart   = "kickstart"
	keyRole        = "role" // one of keyRoles
	keyRoles       = "roles"
	keyInstall     = "install"
	keyAnswer      = "answer"
	keyBudget      = "budget"
	keyDisk        = "disk"
	variablePrefix = "variables."
)

// The bounds of a budget.
const (
	minBudget = time.Minute
	maxBudget = 24 * time.Hour
)

// A setting is a value that a layer gives, and where it stands.
type setting struct {
	value any
	node  schema.Node
}

// A layer holds the settings of one of the four places that are merged into a host:
// settings by key. A wrong value is reported, and nil here: the key was given.
type layer map[string]setting

// text is a setting that is text, or "".
func (l layer) text(key string) string {
	s, _ := l[key].value.(string)
	return s
}

// put keeps a setting. defaults may stand in several files: then one key must
// not stand in two of them.
func (l layer) put(what, key string, n schema.Node, value any) {
	if first, ok := l[key]; ok {
		n.Problem("keep one of the two", "%s: %s is given a second time; first at %s", what, key, first.node.At())
		return
	}
	l[key] = setting{value, n}
}

// layerFields reads the keys that a layer may give; more are the keys among
// them that not every layer has.
func (l *loader) layerFields(what string, to layer, more ...string) schema.Fields {
	text := func(key string, valid func(string) bool, hint string) func(schema.Node) {
		return func(n schema.Node) {
			var value any
			if t, ok := n.Text(what + ": " + key); ok && valid(t) {
				value = t
			} else if ok {
				n.Problem(hint, "%s: %q can't be a %s", what, t, key)
			}
			to.put(what, key, n, value)
		}
	}
	fields := schema.Fields{
		keyKickstart: text(keyKickstart, validFileName, "name a file of templates/, such as base.ks, without a path"),
		keyDisk:      text(keyDisk, validDisk, "write sda, nvme0n1 or /dev/disk/by-id/..."),
		keyInstall: func(n schema.Node) {
			var value any
			if t, ok := n.OneOf(what+": install", string(FirstBoot), string(OnRequest), string(Never)); ok {
				value = Policy(t)
			}
			to.put(what, keyInstall, n, value)
		},
		keyAnswer: func(n schema.Node) {
			var value any
			if t, ok := n.OneOf(what+": answer", string(GiveAnswer), string(ConfirmAnswer)); ok {
				value = AnswerPolicy(t)
			}
			to.put(what, keyAnswer, n, value)
		},
		keyBudget: func(n schema.Node) {
			var value any
			if d, ok := n.Duration(what+": budget", minBudget, maxBudget); ok {
				value = d
			}
			to.put(what, keyBudget, n, value)
		},
		"variables": func(n schema.Node) {
			n.Each(what+": variables", func(name string, key, value schema.Node) {
				if !validVariable(name) {
					key.Problem("use letters, digits and _, a letter first", "%s: %q can't be a variable", what, name)
					return
				}
				to.put(what, variablePrefix+name, value, readVariable(what+": variable "+name, value))
			})
		},
		"bmc":  func(n schema.Node) { l.bmcFields(what, n, to, nil) },
		"boot": func(n schema.Node) { bootFields(what, n, to) },

		"maintenance": func(n schema.Node) { maintenanceFields(what, n, to) },
	}
	roleFields(what, to, fields)
	for _, key := range more {
		if key == keySystem {
			fields[key] = text(keySystem, validName, "name one of systems:")
		}
	}
	return fields
}

// secretRef reads {secret: name}. A secret in plain text is a problem, and is
// not shown.
func secretRef(what string, n schema.Node) (ref SecretRef, ok bool) {
	if !n.IsMapping() {
		n.Hide()
		n.Problem("put it into a file of the secrets folder, chmod 600, and write {secret: bmc/web1}; change it if others read this file",
			"%s must name a secret, not hold it", what)
		return "", false
	}
	given := false
	n.FieldsOr(what, schema.Fields{"secret": func(n schema.Node) {
		given = true
		ref, ok = secretName(what, n)
	}}, func(_ string, value schema.Node) { value.Hide() })
	if !given {
		n.Problem("write {secret: bmc/web1}", "%s names no secret", what)
	}
	return ref, ok
}

// declared is a mapping under a name of its own, with its place.
type declared struct{ key schema.Node }

func (d declared) place() problem.Place { return d.key.At() }
