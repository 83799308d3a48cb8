package kind

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"rackhand/provision/catalog"
)

func userKind() Kind {
	return Kind{
		Name: catalog.KindUser, Text: "A user of the system, by name.", Example: "deploy",
		Fields: map[string]Field{
			"ensure":      ensureField(),
			"uid":         {Spec: Spec{Type: Number, Low: 0, High: catalog.MaxID}, Text: "its number", Examples: []string{"1200"}},
			"group":       {Text: "its primary group", Examples: []string{"deploy"}},
			"groups":      {Spec: Spec{Type: Words, Valid: oneGroup}, Text: "its supplementary groups; it leaves all others, unless membership says otherwise", Examples: []string{"[sudo, adm]", "[]"}},
			"membership":  {Spec: Spec{Type: OneOf, Known: []string{catalog.Inclusive, catalog.Minimum}}, Text: "inclusive, or minimum: groups that were added otherwise stay", Default: catalog.Inclusive, Examples: []string{catalog.Minimum}},
			"comment":     {Spec: Spec{Empty: true}, Text: "its full name (GECOS)", Examples: []string{"Deployment"}},
			"home":        {Spec: Spec{Type: AbsPath}, Text: "its home folder", Examples: []string{"/srv/deploy"}},
			"manage_home": {Spec: Spec{Type: Boolean}, Text: "the home folder is made from /etc/skel, and moves when home changes (default: true, but false with system)", Examples: []string{"false"}},
			"remove_home": {Spec: Spec{Type: Boolean}, Text: "with ensure: absent, the home folder goes, too", Default: "false", Examples: []string{"true"}},
			"shell":       {Spec: Spec{Type: AbsPath}, Text: "its login shell, which has to exist", Examples: []string{"/bin/bash"}},
			"password":    {Spec: Spec{Secret: true}, Text: "a hash as crypt(5) has it, never the password itself", Examples: []string{`"${secret.deploy-hash}"`}},
			"expiry":      {Text: "the day from which the account is closed, or never", Examples: []string{"2027-01-31", "never"}},
			"locked":      {Spec: Spec{Type: Boolean}, Text: "the password is locked (passwd -l); keys still work", Examples: []string{"true"}},
			"system":      {Spec: Spec{Type: Boolean}, Text: "without a uid, it gets a number of the system's range", Default: "false", Examples: []string{"true"}},
		},
		Shape: userShape,
		Make:  makeUser,
	}
}

// oneGroup finds several groups in one text.
func oneGroup(text string) (hint string, err error) {
	names := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	if len(names) < 2 {
		return "", nil
	}
	return "write a list: [" + strings.Join(names, ", ") + "]", fmt.Errorf("%.80q is not the name of a group", text)
}

func userShape(w Written) (hint string, err error) {
	absent, _ := isAbsent(w)
	switch {
	case w.Has("membership") && !w.Has("groups"):
		return "add groups", errors.New("membership says what becomes of groups beside those in groups")
	case w.Has("remove_home") && !absent:
		return "remove it", errors.New("remove_home goes with ensure: absent")
	}
	return "", nil
}

func makeUser(title string, v Values) catalog.Resource {
	u := &catalog.User{
		Name: title, Ensure: cmp.Or(v.Text("ensure"), catalog.Present), UID: v.Number("uid"), Group: v.Text("group"),
		Membership: v.Text("membership"), Home: v.Text("home"), Shell: v.Text("shell"), Password: v.Text("password"),
		Expiry: v.Text("expiry"), Locked: v.Bool("locked"), System: isTrue(v.Bool("system")), RemoveHome: isTrue(v.Bool("remove_home")),
	}
	if v.Has("groups") {
		u.Groups = append([]string{}, v.List("groups")...)
	}
	if v.Has("comment") {
		text := v.Text("comment")
		u.Comment = &text
	}
	u.ManageHome = !u.System
	if b := v.Bool("manage_home"); b != nil {
		u.ManageHome = *b
	}
	u.ManageHome = u.ManageHome && u.Ensure == catalog.Present
	return catalog.Resource{User: u}
}
