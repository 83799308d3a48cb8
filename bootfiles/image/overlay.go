package image

import (
	"archive/tar"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// overlay holds the files that rackhand adds to every root.
//
//go:embed overlay
var overlay embed.FS

// writeOverlay writes the overlay as a tar, for mmdebstrap to unpack in the root.
// Scripts become executable: embedding keeps no modes.
func writeOverlay(w io.Writer) error {
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
	err := fs.WalkDir(overlay, "overlay", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := overlay.ReadFile(name)
		if err != nil {
			return err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(name, "overlay/"), Mode: 0o644, Size: int64(len(data))}
		if strings.HasPrefix(string(data), "#!") {
			h.Mode = 0o755
		}
		return add(h, data)
	})
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
