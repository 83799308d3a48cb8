package bootfiles

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"rackhand/config/file"
)

// FetchedManifest is the name of the manifest beside fetched programs.
const FetchedManifest = "manifest.json"

// maxFetchedManifest bounds what is read of a manifest, in bytes.
const maxFetchedManifest = 1 << 20

// A Fetched is the manifest of a folder of fetched programs.
type Fetched struct {
	Processor string        `json:"processor"` // Debian's name: arm64
	Time      time.Time     `json:"time"`
	Files     []FetchedFile `json:"files"`
}

// A FetchedFile is one program as it was when it was fetched.
type FetchedFile struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`   // bytes
	SHA256  string `json:"sha256"` // hex
	Package string `json:"package"`
	Version string `json:"version"` // of the package
}

// ReadFetched reads the manifest of a folder of fetched programs.
func ReadFetched(folder string) (*Fetched, error) {
	f, err := file.Open(filepath.Join(folder, FetchedManifest))
	if err != nil {
		return nil, fmt.Errorf("fetched boot programs: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFetchedManifest+1))
	if err != nil {
		return nil, fmt.Errorf("fetched boot programs: %w", err)
	}
	if len(data) > maxFetchedManifest {
		return nil, fmt.Errorf("fetched boot programs: %s: larger than %d bytes", f.Name(), maxFetchedManifest)
	}
	m := new(Fetched)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("fetched boot programs: %s: %w", f.Name(), err)
	}
	return m, nil
}

// checkFetched compares a program with the manifest of the folder it lies in.
func checkFetched(folder string, got File) error {
	m, err := ReadFetched(folder)
	if err != nil {
		return fmt.Errorf("%w: run `rackhand bootfiles fetch` again", err)
	}
	for _, want := range m.Files {
		if want.Name != got.Name {
			continue
		}
		if want.Size != got.Size || want.SHA256 != got.SHA256 {
			return fmt.Errorf("%s is not what was fetched (its SHA-256 is %.16s, the manifest says %.16s): run `rackhand bootfiles fetch %s` again", got.Name, got.SHA256, want.SHA256, m.Processor)
		}
		return nil
	}
	return errors.New(got.Name + " is not in the manifest of what was fetched: run `rackhand bootfiles fetch " + m.Processor + "` again")
}
