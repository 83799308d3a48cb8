package converge

import (
	"encoding/json"
	"fmt"
	"slices"

	"rackhand/provision/catalog"
)

// withoutSecrets is a catalog as it is kept: as it came, with all that a later version of
// this program may know. One of the first format that holds secrets, of an appliance older
// than this agent, is kept in the second one, and fetched again at the next run.
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

// without says how many files a run left as they are; "" for none.
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
