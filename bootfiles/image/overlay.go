package image

import (
	"archive/tar"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// overlay holds the files that rackhand adds to every root: below overlay those
// for Debian and Ubuntu, below overlay-rpm those for Red Hat's family.
//
//go:embed overlay overlay-rpm
var overlay embed.FS

// overlayFiles are the files of the overlay for a recipe, by name.
func overlayFiles(r Recipe) (map[string]string, error) {
	dir := "overlay"
	if r.distro().format == rpm {
		dir = "overlay-rpm"
	}
	files := map[string]string{}
	err := fs.WalkDir(overlay, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := overlay.ReadFile(name)
		text := string(data)
		if r.Distribution == "ubuntu" {
			text = strings.ReplaceAll(text, "GRUB_DISTRIBUTOR=Debian", "GRUB_DISTRIBUTOR=Ubuntu")
		}
		files[strings.TrimPrefix(name, dir+"/")] = text
		return err
	})
	return files, err
}

// putOverlay writes the overlay into a root that is still empty.
func putOverlay(r Recipe, root string) error {
	files, err := overlayFiles(r)
	if err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := mkdirs(root, filepath.Dir(name)); err != nil {
			return err
		}
		if err := writeMode(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeOverlay writes the overlay as a tar, for mmdebstrap to unpack in the root.
// Scripts become executable: embedding keeps no modes.
func writeOverlay(w io.Writer, r Recipe) error {
	t := tar.NewWriter(w)
	when := time.Unix(releaseEpoch, 0)
	add := func(h *tar.Header, data []byte) error {
		h.ModTime, h.Format = when, tar.FormatPAX
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		_, err := t.Write(data)
		return err
	}
	// /usr is merged from the first file on; the package usr-is-merged insists.
	for _, l := range append(mergedLinks(), "lib32", "libx32") {
		if err := add(&tar.Header{Typeflag: tar.TypeDir, Name: "usr/" + l + "/", Mode: 0o755}, nil); err != nil {
			return fmt.Errorf("write the overlay: %w", err)
		}
		if err := add(&tar.Header{Typeflag: tar.TypeSymlink, Name: l, Linkname: "usr/" + l, Mode: 0o777}, nil); err != nil {
			return fmt.Errorf("write the overlay: %w", err)
		}
	}
	files, err := overlayFiles(r)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(files[name]))}
		if strings.HasPrefix(files[name], "#!") {
			h.Mode = 0o755
		}
		if err := add(h, []byte(files[name])); err != nil {
			return fmt.Errorf("write the overlay: %w", err)
		}
	}
	if err == nil {
		err = add(&tar.Header{
			Typeflag: tar.TypeSymlink, Mode: 0o777,
			Name:     "etc/systemd/system/multi-user.target.wants/rackhand-ssh-keys.service",
			Linkname: "/etc/systemd/system/rackhand-ssh-keys.service",
		}, nil)
	}
	if err != nil {
		return fmt.Errorf("write the overlay: %w", err)
	}
	return t.Close()
}
