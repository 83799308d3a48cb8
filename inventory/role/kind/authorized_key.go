package kind

import (
	"cmp"
	"errors"
	"strings"

	"rackhand/provision/catalog"
)

func authorizedKeyKind() Kind {
	const example = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx3eGGXkoDW5Qx6PbVEGwhsbn8wVUL9yNSbYpyJp3kE"
	return Kind{
		Name: catalog.KindAuthorizedKey, Text: "A public key that lets its owner log in as a user, by its comment.", Example: "alice@laptop",
		Needs: "user: deploy, key: " + example,
		Fields: map[string]Field{
			"ensure":    ensureField(),
			"user":      {Text: "the user of the host that it logs in as", Examples: []string{"deploy"}},
			"key":       {Spec: Spec{Valid: valid(func(text string) error { return catalog.CheckKey(publicKey(text)) })}, Text: "its type and its base64, as in a .pub file", Examples: []string{example}},
			"options":   {Spec: Spec{Type: Words, Valid: valid(catalog.CheckKeyOption)}, Text: "its options, as sshd(8) has them", Examples: []string{`['from="10.0.0.0/8"', no-pty]`}},
			"exclusive": {Spec: Spec{Type: Boolean}, Text: "the user's keys that aren't declared are removed", Default: "false", Examples: []string{"true"}},
		},
		CheckTitle: func(title string) error {
			return checked(catalog.Resource{AuthorizedKey: &catalog.AuthorizedKey{Name: title, Ensure: catalog.Present, User: "x", Key: example}})
		},
		Shape: func(w Written) (hint string, err error) {
			switch {
			case !w.Has("user"):
				return "add user", errors.New("whose key file?")
			case !w.Has("key"):
				return "add key, from a .pub file", errors.New("which key?")
			}
			return "", nil
		},
		Make: func(title string, v Values) catalog.Resource {
			return catalog.Resource{AuthorizedKey: &catalog.AuthorizedKey{
				Name: title, Ensure: cmp.Or(v.Text("ensure"), catalog.Present), User: v.Text("user"), Key: publicKey(v.Text("key")), Options: v.List("options"),
				Exclusive: isTrue(v.Bool("exclusive")),
			}}
		},
	}
}

// publicKey is the type and the base64 of a line of a .pub file, without its comment.
func publicKey(line string) string {
	parts := strings.SplitN(strings.TrimSpace(line), " ", 3)
	if strings.ContainsAny(strings.TrimSpace(line), "\r\n") || len(parts) < 3 {
		return strings.TrimSpace(line)
	}
	return parts[0] + " " + parts[1]
}
