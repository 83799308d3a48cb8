package kind

import (
	"cmp"
	"errors"
	"fmt"
	"path"

	"rackhand/provision/catalog"
)

func fileKind() Kind {
	return Kind{
		Name: catalog.KindFile, Text: "A file, folder or symbolic link, by its path.", Example: "/etc/motd", Needs: "content: x",
		Fields: fileFields(),
		// A slash at the end is how people write a directory.
		Clean: func(title string) string {
			if path.IsAbs(title) {
				return path.Clean(title)
			}
			return title
		},
		Shape: fileShape,
		Make:  makeFile,
	}
}

func fileFields() map[string]Field {
	flag := Spec{Type: Boolean}
	return map[string]Field{
		"ensure":    {Spec: Spec{Type: OneOf, Known: []string{catalog.FileKind, catalog.Present, catalog.Directory, catalog.Link, catalog.Absent}}, Text: "file, present (a file of any content), directory, link or absent", Default: catalog.FileKind, Examples: []string{catalog.Absent}},
		"content":   {Spec: Spec{Empty: true, Secret: true}, Text: "its text; a secret may stand in it, ${secret.NAME}", Examples: []string{`"served by ${host.name}"`, `""`}},
		"source":    {Spec: Spec{Type: Filename}, Text: "a file of templates/, copied as it is", Examples: []string{"motd"}},
		"template":  {Spec: Spec{Type: Filename}, Text: "a template of templates/, rendered for the host", Examples: []string{"index.html"}},
		"replace":   {Spec: flag, Text: "the content of a file that is there is replaced; if not, only a new file gets it", Default: "true", Examples: []string{"false"}},
		"target":    {Text: "what the symbolic link points to, with ensure: link", Examples: []string{"/srv/app/v2"}},
		"mode":      {Spec: Spec{Type: Mode}, Text: "its mode, three or four octal digits", Examples: []string{"0644"}},
		"owner":     {Text: "the user who owns it", Examples: []string{"root"}},
		"group":     {Text: "its group", Examples: []string{"root"}},
		"acl":       {Spec: Spec{Type: Words, Valid: valid(checkACL)}, Text: "the entries of its access control list, as for setfacl(1), and no others; [] for none", Examples: []string{`["user:www-data:r-x", "default:group:adm:r-x"]`}},
		"validate":  {Spec: Spec{Type: Words}, Text: "a command that must exit 0 before the new content takes its place; %s is the path of the new content", Examples: []string{"[visudo, -cf, '%s']"}},
		"sensitive": {Spec: flag, Text: "its content reaches no log, diff, report or backup", Default: "false", Examples: []string{"true"}},
		"recurse":   {Spec: flag, Text: "owner, group and mode hold for all below the directory, too; directories get x where the mode has r", Default: "false", Examples: []string{"true"}},
		"purge":     {Spec: flag, Text: "what the catalog doesn't declare is removed from the directory", Default: "false", Examples: []string{"true"}},
		"force":     {Spec: flag, Text: "the change may remove a directory with content, or what is in the way", Default: "false", Examples: []string{"true"}},
		"backup":    {Spec: flag, Text: "the agent keeps a copy of what it replaces or removes", Default: "true", Examples: []string{"false"}},
	}
}

func checkACL(text string) error {
	_, err := catalog.ParseACL([]string{text}, true)
	return err
}

func makeFile(title string, v Values) catalog.Resource {
	c := v.Content()
	f := &catalog.File{
		Path: title, Ensure: cmp.Or(v.Text("ensure"), catalog.FileKind), Content: c.Text, SHA256: c.SHA256, Size: c.Size,
		Target: v.Text("target"), Mode: v.Text("mode"), Owner: v.Text("owner"), Group: v.Text("group"), Validate: v.List("validate"),
		Sensitive: c.Sensitive || isTrue(v.Bool("sensitive")),
		Recurse:   isTrue(v.Bool("recurse")), Purge: isTrue(v.Bool("purge")), Force: isTrue(v.Bool("force")),
	}
	if replace := v.Bool("replace"); replace != nil {
		f.Keep = !*replace
	}
	if f.Ensure == catalog.Present {
		given := v.Has("content") || v.Has("source") || v.Has("template")
		f.Ensure, f.Keep = catalog.FileKind, f.Keep || !given
	}
	if v.Has("acl") {
		f.ACL = append([]string{}, v.List("acl")...)
	}
	if b := v.Bool("backup"); b != nil && !*b {
		f.Backup = b
	}
	return catalog.Resource{File: f}
}

// Contents counts the fields that give a content, of which one is allowed.
func contents(w Written) (given int) {
	for _, name := range []string{"content", "source", "template"} {
		if w.Has(name) {
			given++
		}
	}
	return given
}

func fileShape(w Written) (hint string, err error) {
	given := contents(w)
	ensure, static := w.Static("ensure")
	other := static && ensure != catalog.FileKind && ensure != catalog.Present
	switch {
	case given > 1:
		return "keep one of them", errors.New("content, source and template exclude each other")
	case other && given > 0:
		return "", fmt.Errorf("ensure: %s takes no content", ensure)
	case other && w.Has("replace"):
		return "", fmt.Errorf("ensure: %s takes no replace", ensure)
	case other && w.Has("validate"):
		return "", fmt.Errorf("ensure: %s takes no validate", ensure)
	case !other && given == 0 && ensure != catalog.Present:
		return "add content, source or template; or ensure: present, directory, link or absent", errors.New("what shall be in it?")
	}
	return "", nil
}
