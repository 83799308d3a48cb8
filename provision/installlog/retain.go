package installlog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Retain removes the logs of installs for which keep returns false.
func (s *Store) Retain(keep func(install string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok || !idForm.MatchString(id) || keep(id) {
			continue
		}
		if l := s.open[id]; l != nil {
			errs = append(errs, l.f.Close())
			delete(s.open, id)
		}
		errs = append(errs, os.Remove(filepath.Join(s.dir, e.Name())))
	}
	return errors.Join(errs...)
}
