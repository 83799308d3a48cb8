package provider_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/provider"
)

// swapping is a host where a user swaps a file between the look and the change.
type swapping struct {
	provider.Files
	swap func()
}

func (s swapping) Apply(ctx context.Context, file *catalog.File) error {
	s.swap()
	return s.Files.Apply(ctx, file)
}

// A user of a folder swaps a file that only root may read for one that everybody may read.
// The content of the first doesn't get the attributes of the second.
func TestSwappedFile(t *testing.T) {
	h := newHost(t)
	h.write("/home/ada/rc", "secret\n", 0o600)
	name := filepath.Join(h.root, "home/ada/rc")
	files := swapping{h.files, func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		h.write("/home/ada/rc", "x\n", 0o666)
	}}
	p := provider.All(provider.Host{Root: h.root, Files: files, Runner: command.Exec{}})[catalog.KindLine]
	r := line("one", "/home/ada/rc", "b")
	if err := p.Apply(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil || h.read("/home/ada/rc") != "secret\nb\n" || info.Mode() != 0o600 {
		t.Errorf("%v, %v, %q", err, info.Mode(), h.read("/home/ada/rc"))
	}
}
