package edit

import (
	"testing"

	"rackhand/provision/catalog"
)

const (
	alice = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx3eGGXkoDW5Qx6PbVEGwhsbn8wVUL9yNSbYpyJp3kE"
	bob   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGx3eGGXkoDW5Qx6PbVEGwhsbn8wVUL9yNSbYpyJp3kE"
)

func TestKey(t *testing.T) {
	type key = catalog.AuthorizedKey
	command := `command="echo \"a b\" # c",no-pty ` + bob + " bob\n"
	for _, tt := range []struct {
		name, in, out, did string
		key                key
	}{
		{"empty file", "", alice + " alice\n", "key added", key{}},
		{"others stay", "# head\n" + command + "garbage", "# head\n" + command + "garbage\n" + alice + " alice", "key added", key{}},
		{"there", "  " + alice + "\talice\n", "  " + alice + "\talice\n", "", key{}},
		{"another comment", alice + " old one\n", alice + " alice\n", "comment changed", key{}},
		{"no comment", alice + "\n", alice + " alice\n", "comment changed", key{}},
		{"options", alice + " alice\n", `from="10.0.0.0/8",no-pty ` + alice + " alice\n", "options changed", key{Options: []string{`from="10.0.0.0/8"`, "no-pty"}}},
		{"options are removed", "cert-authority,pty " + alice + " alice\n", alice + " alice\n", "options changed", key{}},
		{"options with blanks and quotes hold", `command="a \"b c\"" ` + alice + " alice", `command="a \"b c\"" ` + alice + " alice", "", key{Options: []string{`command="a \"b c\""`}}},
		{"twice", alice + " alice\n" + command + "pty " + alice + " x\n", alice + " alice\n" + command, "key removed, line 3", key{}},
		{"in a comment", "#" + alice + " alice\n", "#" + alice + " alice\n" + alice + " alice\n", "key added", key{}},
		{"absent", "pty " + alice + " x\n" + command + alice + "\n", command, "key removed, lines 1 and 3", key{Ensure: catalog.Absent}},
		{"absent already", command, command, "", key{Ensure: catalog.Absent}},
		{"exclusive", "# head\n" + command + alice + " alice\n", "# head\n" + alice + " alice\n", "keys that aren't declared removed, line 2", key{Exclusive: true, Keep: []string{alice}}},
		{"exclusive, another one declared", command, command + alice + " alice\n", "key added", key{Exclusive: true, Keep: []string{alice, bob}}},
		{"exclusive, old types", "ssh-dss AAAA x\n" + alice + " alice\n", alice + " alice\n", "keys that aren't declared removed, line 1", key{Exclusive: true, Keep: []string{alice}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.key.Name, tt.key.User, tt.key.Key = "alice", "deploy", alice
			if tt.key.Ensure == "" {
				tt.key.Ensure = catalog.Present
			}
			try(t, tt.in, tt.out, tt.did, "", func(b []byte) ([]byte, []string, error) { return Key(b, &tt.key) })
		})
	}
}
