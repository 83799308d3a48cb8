package role

import (
	"fmt"
	"slices"
	"strings"

	"rackhand/inventory"
)

// Facts are claims of a host. They may choose between what a role names, and never name a
// secret or a file themselves: a host could get what is meant for another.

// name is the name of a file of templates/; "" when facts are in it (reported).
func (v values) name(field string) string {
	waits, claimed := v.waits, v.claimed
	v.waits, v.claimed = false, false
	text := v.text(field)
	if !v.waits && !v.claimed {
		v.waits, v.claimed = waits, claimed
		return text
	}
	v.waits, v.claimed = waits, true
	v.c.addf(v.fields[field].at, "name the files, and choose between them: when: facts.os.id == \"debian\"",
		"%s: for host %s: facts can't name a file: the host could name one that is meant for another host", field, v.c.in.Host.Name)
	return ""
}

// chosen reports a secret that facts may have named in a template. Those that stand in its
// file, and those of the host's own variables, are the operator's choice.
func (c *compiler) chosen(template string, secrets []string) error {
	if len(secrets) == 0 {
		return nil
	}
	source, err := c.readSource(template)
	if err != nil {
		return err
	}
	own := secretsIn(c.in.Host.Variables)
	for _, name := range secrets {
		if !slices.Contains(own, name) && !strings.Contains(source.Text, `"`+name+`"`) && !strings.Contains(source.Text, "`"+name+"`") {
			return fmt.Errorf("template %s: facts may be in it, so the name of a secret can't be computed: write {{ secret \"NAME\" }}, or {{ var \"x\" }} for a variable of the host", template)
		}
	}
	return nil
}

// secretsIn are the names of the secrets in a value of variables.
func secretsIn(v any) (names []string) {
	switch v := v.(type) {
	case inventory.SecretRef:
		names = append(names, string(v))
	case []any:
		for _, item := range v {
			names = append(names, secretsIn(item)...)
		}
	case map[string]any:
		for _, item := range v {
			names = append(names, secretsIn(item)...)
		}
	}
	return names
}
