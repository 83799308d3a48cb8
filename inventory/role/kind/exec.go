package kind

import (
	"errors"
	"strconv"

	"rackhand/provision/catalog"
)

func execKind() Kind {
	return Kind{
		Name: catalog.KindExec, Text: "A command that is run unless a condition says that it needn't be, by a name of your own.", Example: "rebuild aliases",
		Needs: "command: [x], creates: /x",
		Fields: map[string]Field{
			"command":      commandField("what is run: a list is a program and its arguments, a text is run by sh -ec"),
			"creates":      {Spec: Spec{Type: AbsPath}, Text: "it isn't run if this path exists", Examples: []string{"/etc/aliases.db"}},
			"unless":       commandField("it isn't run if this command ends with status 0; a dry run runs this command, too"),
			"onlyif":       commandField("it is run only if this command ends with status 0; a dry run runs this command, too"),
			"refresh_only": {Spec: Spec{Type: Boolean}, Text: "it is run only when another resource notifies it", Default: "false", Examples: []string{"true"}},
			"always":       {Spec: Spec{Type: OneOf, Known: []string{"true"}}, Text: "it has no condition, and each run runs it", Examples: []string{"true"}},
			"cwd":          {Spec: Spec{Type: AbsPath}, Text: "the folder that it is run in", Default: "/", Examples: []string{"/srv/app"}},
			"user":         {Text: "the user that it is run as", Default: "root", Examples: []string{"deploy"}},
			"environment":  environmentField(),
			"exit":         {Spec: Spec{Type: Words}, Text: "the exit statuses of success", Default: "[0]", Examples: []string{"[0, 2]"}},
			"umask":        {Spec: Spec{Type: Mode}, Text: "its umask", Examples: []string{"027"}},
			"sensitive":    {Spec: Spec{Type: Boolean}, Text: "its output reaches no log or report", Default: "false", Examples: []string{"true"}},
		},
		CheckTitle: func(title string) error {
			return checked(catalog.Resource{Exec: &catalog.Exec{Name: title, Command: []string{"x"}}})
		},
		Shape: execShape,
		Make: func(title string, v Values) catalog.Resource {
			return catalog.Resource{Exec: &catalog.Exec{
				Name: title, Command: v.Command("command"), Creates: v.Text("creates"), Unless: v.Command("unless"), OnlyIf: v.Command("onlyif"),
				RefreshOnly: isTrue(v.Bool("refresh_only")), Cwd: v.Text("cwd"), User: v.Text("user"), Environment: v.List("environment"),
				Exit: numbers(v.List("exit")), Umask: v.Text("umask"), Sensitive: isTrue(v.Bool("sensitive")),
			}}
		},
	}
}

func commandField(text string) Field {
	return Field{Spec: Spec{Type: Command, Empty: true}, Text: text, Examples: []string{"[newaliases]", `"newaliases && postfix reload"`}}
}

func environmentField() Field {
	return Field{Spec: Spec{Type: Words}, Text: "variables of its environment", Examples: []string{"[LANG=C]"}}
}

// execShape: a command that every run repeats has to be meant.
func execShape(w Written) (hint string, err error) {
	always := w.Has("always")
	conditions := 0
	for _, name := range []string{"creates", "unless", "onlyif", "refresh_only"} {
		if w.Has(name) {
			conditions++
		}
	}
	switch {
	case !w.Has("command"):
		return "add command", errors.New("which command?")
	case always && conditions > 0:
		return "remove always", errors.New("always means that it has no condition")
	case !always && conditions == 0:
		return "add creates, unless or onlyif; refresh_only: true, if others notify it; or always: true", errors.New("each run would run it")
	}
	return "", nil
}

// numbers are texts as numbers; one that isn't a number is -1, which the catalog refuses.
func numbers(texts []string) (out []int) {
	for _, text := range texts {
		n, err := strconv.Atoi(text)
		if err != nil {
			n = -1
		}
		out = append(out, n)
	}
	return out
}
