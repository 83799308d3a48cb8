package converge

import (
	"encoding/json"
	"fmt"
	"slices"

	"rackhand/provision/catalog"
)

// withoutSecrets is a catalog in the form that is saved: as it was received, including
// attributes that only a later version of this program knows. A catalog of the first format
// with secrets, from an older appliance, is saved in the second format and fetched again at
// the next run.
func withoutSecrets(c *catalog.Catalog) ([]byte, error) {
	secret := slices.ContainsFunc(c.Resources, func(r catalog.Resource) bool { return r.File != nil && r.File.Sensitive })
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
	return fmt.Sprintf("%d files with secrets stay as they are, because the appliance can't be reached", n)
}
