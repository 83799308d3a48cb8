package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"rackhand/provision"
	"rackhand/provision/usage"
)

// TestHelpFits: the list of commands is a screenful, and no help is wider than 80 columns.
func TestHelpFits(t *testing.T) {
	p := program(t)
	var all func(*kong.Node)
	all = func(node *kong.Node) {
		var b strings.Builder
		if err := p.Help(&b, node); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if node.Parent == nil && len(lines) > 63 {
			t.Errorf("the list of commands has %d lines, at most 63 are allowed", len(lines))
		}
		for _, l := range lines {
			if n := utf8.RuneCountInString(l); n > 80 {
				t.Errorf("%s: %d columns: %s", node.Name, n, l)
			}
		}
		page := p.Page(node)
		if page.Summary == "" || !strings.HasSuffix(page.Summary, ".") {
			t.Errorf("%s: %q is not a sentence", page.Name, page.Summary)
		}
		for _, i := range slices.Concat(page.Arguments, page.Flags) {
			if i.Text == "" {
				t.Errorf("%s: %s has no help", page.Name, i.Term)
			}
		}
		for _, c := range node.Children {
			if !c.Hidden {
				all(c)
			}
		}
	}
	all(p.App.Node)
}

// TestEveryHostCompletes: each argument that is a host, an image or media says so, and each
// kind that is named exists.
func TestEveryHostCompletes(t *testing.T) {
	kinds := []string{"", "file", usage.Host, usage.Box, usage.MAC, usage.Groups, usage.Role, usage.Shipped, usage.System, usage.Network, usage.Image, usage.Media, usage.Command}
	err := kong.Visit(program(t).App, func(v kong.Visitable, next kong.Next) error {
		var value *kong.Value
		switch v := v.(type) {
		case *kong.Value:
			value = v
		case *kong.Flag:
			value = v.Value
		default:
			return next(nil)
		}
		kind := value.Tag.Get("complete")
		if !slices.Contains(kinds, kind) {
			t.Errorf("%s: nothing completes a %q", value.Summary(), kind)
		}
		if value.Name == "host" && kind == "" {
			t.Errorf("%s of %v is not completed", value.Summary(), value.Help)
		}
		return next(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCompletions: names come from the appliance, from the inventory without one, and from the
// folders of images and media; an appliance that never answers holds nothing up.
func TestCompletions(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"inventory/rack.yaml": "networks: {rack1: {subnet: 10.77.0.0/24}}\nsystems: {debian12: {installer: image, image: debian12}}\n" +
			"groups: {db: {role: db, install: never}}\nhosts: {db1: {mac: 52:54:00:00:00:01, address: 10.77.0.11, group: db}}\n",
		"rackhand.yaml": "interfaces: [eth1]\ninventory: inventory\nstate: state\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hanging, err := net.Listen("unix", filepath.Join(dir, "hangs"))
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	running := statusSocket(t, provision.Status{Hosts: []provision.HostStatus{
		{Host: "web1", Group: "web", Roles: []string{"base", "web"}}, {Host: "web2", Group: "web"}, {Host: "52:54:00:00:00:09", Unclaimed: true},
	}})
	for _, tc := range []struct{ kind, socket, want string }{
		{usage.Host, running, "web1 web2"},
		{usage.Box, running, "52:54:00:00:00:09 web1 web2"},
		{usage.MAC, running, "52:54:00:00:00:09"},
		{usage.Groups, running, "web"},
		{usage.Role, running, "base web"},
		{usage.System, running, "debian12"},
		{usage.Network, running, "rack1"},
		{usage.Host, "none", "db1"},
		{usage.Groups, "none", "db"},
		{usage.Role, "none", "db"},
		{usage.MAC, "none", ""},
		{usage.Shipped, "none", "base nginx"},
		{usage.Image, "none", ""},
		{usage.Host, filepath.Join(dir, "hangs"), ""},
	} {
		words := []string{"x", "--socket", tc.socket, "--inventory=" + filepath.Join(dir, "inventory"), "--config", filepath.Join(dir, "rackhand.yaml"), ""}
		if got := strings.Join(completions(context.Background(), tc.kind, words), " "); got != tc.want {
			t.Errorf("%s with %s: %q, want %q", tc.kind, tc.socket, got, tc.want)
		}
	}
}
