package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"rackhand/bootfiles"
	"rackhand/config/file"
)

// workPrefix begins the names of folders in which a fetch works.
const workPrefix = ".fetching-"

// lockDir keeps two fetches apart, and removes what killed ones have left. The lock
// is the kernel's (flock): a killed fetch leaves none behind.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.New("another fetch runs at this moment: wait for it to end")
		}
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), workPrefix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("remove the files of a killed fetch: %w", err)
	}
	return f, nil
}

// place writes the manifest, and puts the folder where it belongs.
func place(folder, target string, m *bootfiles.Fetched) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, bootfiles.FetchedManifest), append(data, '\n'), 0o644); err != nil {
		return err
	}
	// On disk before the rename is.
	for _, f := range append(m.Files, bootfiles.FetchedFile{Name: bootfiles.FetchedManifest}, bootfiles.FetchedFile{Name: "."}) {
		if err := file.Sync(filepath.Join(folder, f.Name)); err != nil {
			return err
		}
	}
	if err := file.ReplaceFolder(folder, target); err != nil {
		return fmt.Errorf("put the programs in their place: %w", err)
	}
	return nil
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}
