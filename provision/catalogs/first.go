package catalogs

import (
	"bytes"
	"encoding/json"
	"fmt"

	"rackhand/provision/catalog"
)

// A firstResource has what agents of the first format know of a resource. They ignore all
// other attributes, and refuse a catalog with another kind.
type firstResource struct {
	ID      string `json:"id"`
	Package *struct {
		Name           string `json:"name"`
		Ensure         string `json:"ensure"`
		WithDependants bool   `json:"with_dependants"`
	} `json:"package"`
	File *struct {
		Path      string   `json:"path"`
		Ensure    string   `json:"ensure"`
		Content   string   `json:"content"`
		SHA256    string   `json:"sha256"` // see [Make]
		Size      int64    `json:"size"`
		Mode      string   `json:"mode"`
		Owner     string   `json:"owner"`
		Group     string   `json:"group"`
		Validate  []string `json:"validate"`
		Sensitive bool     `json:"sensitive"`
	} `json:"file"`
	Service *struct {
		Name    string `json:"name"`
		Running *bool  `json:"running"`
		Enabled *bool  `json:"enabled"`
		Refresh string `json:"refresh"`
		Settle  int    `json:"settle"`
	} `json:"service"`
	Notify   []string       `json:"notify"`
	Require  []string       `json:"require"`
	Source   string         `json:"source"`
	Deadline int            `json:"deadline"`
	Retry    *catalog.Retry `json:"retry"` // one try is what they make
	Tags     []string       `json:"tags"`
}

// unknownToFirst says what agents of the first format don't know of a catalog in format 2;
// "" when they know all of it.
func unknownToFirst(c *catalog.Catalog) string {
	for _, r := range c.Resources {
		b, err := json.Marshal(r)
		if err == nil {
			d := json.NewDecoder(bytes.NewReader(b))
			d.DisallowUnknownFields()
			err = d.Decode(&firstResource{})
		}
		if f := r.File; err == nil && f != nil && f.Ensure != catalog.FileKind && f.Ensure != catalog.Directory && f.Ensure != catalog.Absent {
			err = fmt.Errorf("ensure: %s", f.Ensure)
		}
		if p := r.Package; err == nil && p != nil && (p.Ensure == catalog.Latest || p.Ensure == catalog.Purged) {
			err = fmt.Errorf("ensure: %s", p.Ensure)
		}
		if err != nil {
			return fmt.Sprintf("this agent doesn't know all of %s", r.ID)
		}
	}
	return ""
}
