package kind

import (
	"cmp"
	"errors"

	"rackhand/provision/catalog"
)

func sudoersKind() Kind {
	return Kind{
		Name: catalog.KindSudoers, Text: "Rules of sudo, by the name of a file in /etc/sudoers.d.", Example: "deploy", Needs: "user: deploy, commands: ALL",
		Fields: map[string]Field{
			"ensure":   ensureField(),
			"content":  {Text: "the text of the file", Examples: []string{`"%admin ALL=(ALL) ALL"`}},
			"source":   {Spec: Spec{Type: Filename}, Text: "a text of templates/, copied as it is", Examples: []string{"sudoers"}},
			"template": {Spec: Spec{Type: Filename}, Text: "a template of templates/, rendered for the host", Examples: []string{"sudoers"}},
			"user":     {Text: "the user who may run the commands", Examples: []string{"deploy"}},
			"group":    {Text: "the group whose members may run the commands", Examples: []string{"admin"}},
			"commands": {Spec: Spec{Type: Words, Valid: valid(catalog.CheckSudoCommand)}, Text: "programs by their absolute path, with arguments, or ALL", Examples: []string{"[/usr/bin/systemctl restart nginx]", "ALL"}},
			"nopasswd": {Spec: Spec{Type: Boolean}, Text: "sudo doesn't ask for a password", Default: "false", Examples: []string{"true"}},
			"runas":    {Text: "the user that they run as, or USER:GROUP", Default: "root", Examples: []string{"ALL", "www-data"}},
			"hosts":    {Spec: Spec{Type: Words}, Text: "the hosts that the rule holds on", Default: "ALL", Examples: []string{"[web1, web2]"}},
		},
		CheckTitle: func(title string) error {
			return checked(catalog.Resource{Sudoers: &catalog.Sudoers{Name: title, Ensure: catalog.Absent}})
		},
		Shape: func(w Written) (hint string, err error) {
			given, rule := contents(w), w.Has("user") || w.Has("group")
			absent, known := isAbsent(w)
			switch {
			case given > 1 || given == 1 && rule:
				return "keep one of them", errors.New("content, source, template and a rule (user, group) exclude each other")
			case rule && w.Has("user") && w.Has("group"):
				return "make one resource for each", errors.New("user and group exclude each other")
			case known && !absent && given == 0 && !rule:
				return "add user or group, and commands; or content, source or template", errors.New("which rule?")
			case rule && !w.Has("commands"):
				return "add commands: ALL, or a list of programs", errors.New("which commands?")
			}
			return "", nil
		},
		Make: func(title string, v Values) catalog.Resource {
			return catalog.Resource{Sudoers: &catalog.Sudoers{
				Name: title, Ensure: cmp.Or(v.Text("ensure"), catalog.Present), Content: v.Body(catalog.MaxBody), User: v.Text("user"), Group: v.Text("group"),
				Commands: v.List("commands"), RunAs: v.Text("runas"), Hosts: v.List("hosts"), NoPasswd: isTrue(v.Bool("nopasswd")),
			}}
		},
	}
}
