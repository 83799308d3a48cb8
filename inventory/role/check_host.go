package role

import (
	"fmt"
	"strings"
	"time"

	"rackhand/inventory/role/kind"
	"rackhand/provision/catalog"
)

func execKind() checkKind {
	return checkKind{
		name: "exec", onHost: true, deadline: 30 * time.Second,
		fields: contentSpecs(map[string]spec{
			"command": {Type: kind.Words},
			"exit":    {Type: kind.Number, Low: 0, High: 255},
			"user":    {Valid: withoutHint(catalog.ValidUser)},
		}),
		shape: func(d *checkDeclaration) error {
			if err := d.needs("command"); err != nil {
				return err
			}
			if v := d.fields["command"]; v.isList && len(v.list) == 1 && strings.ContainsAny(v.list[0].text, " \t") {
				return fmt.Errorf("no shell reads the command: write its words as a list, [%s]", strings.Join(strings.Fields(v.list[0].text), ", "))
			}
			return nil
		},
		make: func(f *resolver, c *catalog.Check) {
			c.Exec = &catalog.ExecCheck{Command: f.texts("command"), Exit: f.number("exit", 0), Content: contentOf(f), User: f.text("user")}
		},
	}
}

func systemdKind() checkKind {
	return checkKind{
		name: "systemd", onHost: true, deadline: 30 * time.Second,
		fields: map[string]spec{
			"failed": {Type: kind.Number, Low: 0, High: catalog.MaxUnits},
			"except": {Type: kind.Words, Valid: withoutHint(catalog.ValidUnits)},
		},
		shape: func(d *checkDeclaration) error { return d.needs("failed") },
		make: func(f *resolver, c *catalog.Check) {
			c.Systemd = &catalog.SystemdCheck{Failed: f.number("failed", 0), Except: f.texts("except")}
		},
	}
}
