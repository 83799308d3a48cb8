package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"gopkg.in/yaml.v3"

	"rackhand/config/problem"
	"rackhand/inventory/role"
	"rackhand/provision/preview"
)

// isResource reports whether a key is the id of a resource: file[/etc/motd].
func isResource(key string) bool {
	return strings.HasSuffix(key, "]") && strings.Contains(key, "[")
}

// resource explains a resource of a host: where it is declared, what it waits for, and what
// the agent gets.
func (c *explainCmd) resource(ctx context.Context, out io.Writer) error {
	cfg, dir, err := c.settings(c.Config)
	if err != nil {
		return err
	}
	p, problems := preview.Open(dir, preview.Options{Config: cfg, Facts: storedFacts(ctx, cfg)})
	if err := problems.Err(); err != nil {
		return err
	}
	e, err := p.Explain(c.Host, c.Key)
	if err != nil {
		return err
	}
	if c.JSON {
		return resourceJSON(out, c.Host, e)
	}
	fmt.Fprintf(out, "%s of %s, number %d of %d\n", e.Resource.ID, c.Host, e.Place, e.Of)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, d := range e.Declared {
		fmt.Fprintf(w, "declared\t%s\trole %s\n", d.At, d.Role)
		for _, via := range d.Via {
			fmt.Fprintf(w, "  included\t%s\n", via)
		}
		if d.Item != "" {
			fmt.Fprintf(w, "  item\t%s\n", shorten(d.Item))
		}
		if d.When != "" {
			fmt.Fprintf(w, "  when\t%s\n", shorten(strings.Join(strings.Fields(d.When), " ")))
		}
	}
	ties := func(label string, all []role.Tie) {
		for _, t := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\n", label, t.ID, tieAt(t.At))
		}
	}
	ties("requires", e.Requires)
	ties("required by", e.Needed)
	ties("notified by", e.NotifiedBy)
	for _, id := range e.Resource.Notify {
		fmt.Fprintf(w, "notifies\t%s\n", id)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	text, err := resourceYAML(e)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, "the agent gets\n"+text)
	return err
}

func tieAt(at problem.Place) string {
	if at == (problem.Place{}) {
		return "automatic"
	}
	return at.String()
}

// resourceYAML is a resource as the agent gets it, without what is shown already.
func resourceYAML(e *role.Explanation) (string, error) {
	r := e.Resource
	r.Source, r.Require, r.Notify = "", nil, nil
	b, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	var plain map[string]any
	if err := json.Unmarshal(b, &plain); err != nil {
		return "", err
	}
	delete(plain, "id")
	delete(plain, "source")
	b, err = yaml.Marshal(plain)
	if err != nil {
		return "", err
	}
	return "  " + strings.ReplaceAll(strings.TrimSuffix(string(b), "\n"), "\n", "\n  ") + "\n", nil
}

func resourceJSON(out io.Writer, host string, e *role.Explanation) error {
	type declared struct {
		At   string   `json:"at"`
		Role string   `json:"role"`
		Via  []string `json:"via,omitempty"`
		Item string   `json:"item,omitempty"`
		When string   `json:"when,omitempty"`
	}
	type tie struct {
		ID string `json:"id"`
		At string `json:"at,omitempty"` // "" for an automatic one
	}
	told := struct {
		Host       string     `json:"host"`
		Place      int        `json:"place"`
		Of         int        `json:"of"`
		Declared   []declared `json:"declared"`
		Requires   []tie      `json:"requires,omitempty"`
		RequiredBy []tie      `json:"required_by,omitempty"`
		NotifiedBy []tie      `json:"notified_by,omitempty"`
		Resource   any        `json:"resource"`
	}{Host: host, Place: e.Place, Of: e.Of, Resource: e.Resource}
	for _, d := range e.Declared {
		one := declared{At: d.At.String(), Role: d.Role, Item: d.Item, When: d.When}
		for _, via := range d.Via {
			one.Via = append(one.Via, via.String())
		}
		told.Declared = append(told.Declared, one)
	}
	ties := func(all []role.Tie) (out []tie) {
		for _, t := range all {
			one := tie{ID: t.ID}
			if t.At != (problem.Place{}) {
				one.At = t.At.String()
			}
			out = append(out, one)
		}
		return out
	}
	told.Requires, told.RequiredBy, told.NotifiedBy = ties(e.Requires), ties(e.Needed), ties(e.NotifiedBy)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(told)
}
