package kind

import (
	"errors"
	"maps"

	"rackhand/provision/catalog"
)

// editedFields are those of a kind that edits a file, with its own.
func editedFields(own map[string]Field) map[string]Field {
	fields := map[string]Field{
		"ensure":   ensureField(),
		"path":     {Spec: Spec{Type: AbsPath}, Text: "the file, by its absolute path", Examples: []string{"/etc/ssh/sshd_config"}},
		"create":   {Spec: Spec{Type: Boolean}, Text: "the file is made if it isn't there", Default: "false", Examples: []string{"true"}},
		"mode":     {Spec: Spec{Type: Mode}, Text: "the mode of a file that is made", Examples: []string{"0644"}},
		"owner":    {Text: "the user who owns a file that is made", Examples: []string{"root"}},
		"group":    {Text: "the group of a file that is made", Examples: []string{"root"}},
		"validate": {Spec: Spec{Type: Words}, Text: "a command that must exit 0 before the new content takes its place; %s is the path of the new content", Examples: []string{"[sshd, -t, -f, '%s']"}},
	}
	maps.Copy(fields, own)
	return fields
}

func edited(v Values) catalog.Edited {
	return catalog.Edited{
		Path: v.Text("path"), Create: isTrue(v.Bool("create")), Mode: v.Text("mode"), Owner: v.Text("owner"), Group: v.Text("group"),
		Validate: v.List("validate"),
	}
}

// editedShape checks the fields that each edit needs.
func editedShape(w Written) (hint string, err error) {
	if !w.Has("path") {
		return "add path: /etc/FILE", errors.New("which file?")
	}
	if w.Has("insert_after") && w.Has("insert_before") {
		return "keep one of them", errors.New("insert_after and insert_before exclude each other")
	}
	return "", nil
}

// pattern is a field that takes a regular expression.
func pattern(text, example string) Field {
	return Field{Spec: Spec{Valid: valid(catalog.CheckPattern)}, Text: text + " (RE2)", Examples: []string{example}}
}
