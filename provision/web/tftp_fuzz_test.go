package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/bootfiles"
	"rackhand/inventory"
	"rackhand/provision/handout"
	"rackhand/provision/journal/journaltest"
	"rackhand/templates"
)

// FuzzBootFile: whatever a stranger asks for by TFTP, there is an answer or an error,
// and nothing of the state folder comes out but boot programs and menus for disks.
func FuzzBootFile(f *testing.F) {
	for _, s := range []string{
		"own.efi", "grub/grub.cfg", "grub/x86_64-efi/grub.cfg", "grub/arm64-efi/grub.cfg-01-52-54-00-00-00-01", "grub/grub.cfg-0A4D000B",
		"ipxe/52:54:00:00:00:01", "image/debian12/vmlinuz", "image/../secret/vmlinuz", "image/debian12/../../secret", "grub/../secret", "a/b/c", "", "/", "image//", "ipxe/\x00",
	} {
		f.Add(s)
	}
	dir := f.TempDir()
	for path, text := range map[string]string{"own/own.efi": "MZ", "images/debian12/vmlinuz": "secret", "secret/vmlinuz": "secret"} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			f.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	_, j := journaltest.Run(f, dir, time.Now, nil, slog.New(slog.DiscardHandler))
	s := New(Options{
		Files:    bootfiles.New([]string{filepath.Join(dir, "own")}),
		Snapshot: func() *inventory.Snapshot { return &inventory.Snapshot{} },
		Leased:   func(context.Context, inventory.MAC) (netip.Addr, bool) { return netip.Addr{}, false },
		Handout: &handout.Maker{
			Images: filepath.Join(dir, "images"), Templates: templates.New(""),
			Secret: func(string) (string, error) { return "", errors.New("none") },
		},
		Journal: j, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	f.Fuzz(func(t *testing.T, name string) {
		file, size, err := s.TFTP().Open(t.Context(), netip.MustParseAddr("10.77.0.99"), name)
		if err != nil {
			return
		}
		defer file.Close()
		b, err := io.ReadAll(file)
		if err != nil || int64(len(b)) != size || strings.Contains(string(b), "secret") {
			t.Fatalf("%q: %q, size %d, %v", name, b, size, err)
		}
	})
}
