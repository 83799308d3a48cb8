package converge

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"rackhand/provision/catalog"
)

// withoutSecrets is a catalog in the form that is saved: as it was received, including
// attributes that only a later version of this program knows. A catalog of the first format
// with secrets, from an older appliance, is saved in the second format and fetched again at
// the next run.
func withoutSecrets(c *catalog.Catalog) ([]byte, error) {
	secret := slices.ContainsFunc(c.Resources, func(r catalog.Resource) bool {
		return r.Secret() != "" || slices.ContainsFunc(r.Contents(), func(f *catalog.File) bool { return f.Sensitive })
	})
	if c.Format >= catalog.Format2 || !secret {
		return c.Raw, nil
	}
	second, err := c.ByHash()
	if err != nil {
		return nil, err
	}
	second.Version = ""
	return json.Marshal(second)
}

// without is a warning about the files that a run left as they are; "" without such files.
func without(results []catalog.Result, noop bool) string {
	n := 0
	for _, r := range results {
		if r.Status == catalog.Unknown {
			n++
		}
	}
	if n == 0 || noop {
		return ""
	}
	return fmt.Sprintf("%d resources with secrets stay as they are, because the appliance can't be reached", n)
}

// age is how long ago the appliance confirmed the kept catalog. It is measured by the time
// since the boot if that was in this boot, otherwise by the clock, and is never negative.
func (a *Agent) age(state *State) time.Duration {
	if a.Uptime != nil {
		if boot, up := a.Uptime(); boot != "" && boot == state.FetchedBoot {
			return max(0, up-state.FetchedUp)
		}
	}
	fetched := state.Fetched
	if fi, err := os.Stat(a.Paths.kept()); err == nil && fetched.IsZero() {
		fetched = fi.ModTime() // the state was lost; never pass it off as fresh
	}
	// Not zero: that would mean a fresh catalog.
	return max(time.Second, a.clock.now().Sub(fetched))
}

// usable checks a catalog before anything of it is carried out.
func usable(c *catalog.Catalog, host string) error {
	if c.Host != host {
		return fmt.Errorf("it is for host %.80q, this is %s", c.Host, host)
	}
	return c.Validate()
}

// keptCatalog reads the catalog on the disk; nil without an error if the file doesn't exist.
// It was validated before it was saved and is validated again, since a disk can corrupt it.
func (a *Agent) keptCatalog(host string) (*catalog.Catalog, error) {
	b, err := readFile(a.Paths.kept(), catalog.MaxSize)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var c *catalog.Catalog
	if err == nil {
		c, err = catalog.Decode(b)
	}
	if err == nil {
		err = usable(c, host)
	}
	if err != nil {
		return nil, fmt.Errorf("the catalog kept at %s can't be used: %w", a.Paths.kept(), err)
	}
	return c, nil
}

// keep puts a catalog that changed on disk, and notes that the appliance has confirmed
// it; that is saved with the report.
func (a *Agent) keep(c *catalog.Catalog, changed bool, state *State) error {
	if changed {
		b, err := withoutSecrets(c)
		if err == nil {
			err = writeFile(a.Paths.catalog(), b)
		}
		if err == nil {
			err = removeFile(a.Paths.firstCatalog()) // secrets may stand in it
		}
		if err != nil {
			return fmt.Errorf("keeping the catalog: %w", err)
		}
	}
	state.Fetched = a.clock.now().UTC()
	if a.Uptime != nil {
		state.FetchedBoot, state.FetchedUp = a.Uptime()
	}
	return nil
}
