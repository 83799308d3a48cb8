package catalog

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	// FormatHeader says in a request for the catalog which format the agent reads. Agents
	// that don't send it read the first one. In the answer it says which one the appliance
	// knows, since format 3.
	FormatHeader = "Rackhand-Catalog"
	// Format2 names content by its hash, and holds no secret.
	Format2 = 2
	// Format3 is the format of agents that take catalogs up to [MaxResources] and [MaxSize].
	// Its JSON is that of format 2, and says 2.
	Format3 = 3

	ContentPath = "/v1/content/" // and the SHA-256
	SecretsPath = "/v1/secrets"  // and the path of the file
)

// FormatOf is the format that the sender of a request reads, by the value of its
// FormatHeader.
func FormatOf(header string) int {
	n, err := strconv.Atoi(header)
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// IsSHA256 reports whether a text is a SHA-256 as catalogs write it: 64 small hex digits.
func IsSHA256(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// Sum is the SHA-256 of a content, in hex.
func Sum(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// ByHash is the catalog in format 2: each content is named by its hash, and the content of
// sensitive files is left out.
func (c *Catalog) ByHash() (Catalog, error) {
	out := *c
	out.Format, out.Raw, out.Resources = Format2, nil, slices.Clone(c.Resources)
	for i := range out.Resources {
		r := &out.Resources[i]
		if r.Secret() != "" {
			*r = r.WithSecret("")
		}
		r.own()
		for _, f := range r.Contents() {
			switch {
			case f.Sensitive:
				f.SHA256, f.Size = "", 0
			case f.SHA256 == "":
				f.SHA256, f.Size = Sum(f.Content), int64(len(f.Content))
			}
			f.Content = ""
		}
	}
	var err error
	if out.Version, err = Version(out.Resources); err != nil {
		return out, err
	}
	if out, err = out.WithChecks(c.Checks); err != nil {
		return out, err
	}
	return out.With(c.Maintenance)
}

// Decode reads a catalog. In format 2, a resource that can't be read here becomes one with
// a Problem, and the rest stays of use.
func Decode(b []byte) (*Catalog, error) {
	var c Catalog
	envelope := struct {
		*Catalog
		Resources []json.RawMessage `json:"resources"`
		Checks    []json.RawMessage `json:"checks"`
	}{Catalog: &c}
	if err := json.Unmarshal(b, &envelope); err != nil {
		return nil, err
	}
	c.Raw = b
	if len(envelope.Resources) > MaxResources {
		return nil, fmt.Errorf("the catalog has %d resources, at most %d are allowed", len(envelope.Resources), MaxResources)
	}
	for i, text := range envelope.Resources {
		r, err := c.decode(text)
		if err != nil {
			return nil, fmt.Errorf("resource %d: %w", i+1, err)
		}
		c.Resources = append(c.Resources, r)
	}
	var err error
	if c.Checks, err = decodeChecks(envelope.Checks); err != nil {
		return nil, err
	}
	return &c, nil
}

// strictly reads JSON whose keys are all known.
func strictly(text []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

func (c *Catalog) decode(text []byte) (r Resource, err error) {
	if c.Format < Format2 {
		err = json.Unmarshal(text, &r)
		return r, err
	}
	if err = strictly(text, &r); err == nil {
		err = r.Validate()
	}
	for _, f := range r.Contents() {
		if err == nil && (f.Content != "" || !f.Sensitive && f.SHA256 == "") {
			err = errors.New("its content is not named by a SHA-256") // never an empty file instead
		}
	}
	if err == nil {
		return r, nil
	}
	// Every resource has these fields, and its place in the order depends on them.
	var common struct {
		ID      string   `json:"id"`
		Require []string `json:"require"`
		Notify  []string `json:"notify"`
		Source  string   `json:"source"`
		Tags    []string `json:"tags"`
	}
	if wrong := json.Unmarshal(text, &common); wrong != nil {
		return r, wrong
	}
	if common.ID == "" || len(common.ID) > 5000 {
		return r, errors.New("it has no id")
	}
	problem := strings.TrimPrefix(err.Error(), "json: ")
	return Resource{ID: common.ID, Require: common.Require, Notify: common.Notify, Source: common.Source, Tags: common.Tags, Problem: cut(cmp.Or(problem, "unknown"), 200)}, nil
}
