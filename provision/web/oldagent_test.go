package web_test

import (
	"fmt"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// manyFiles are absent files, each with a source of so many bytes.
func manyFiles(n, source int) []catalog.Resource {
	out := make([]catalog.Resource, n)
	for i := range out {
		path := fmt.Sprintf("/%d", i)
		out[i] = catalog.Resource{ID: catalog.ID(catalog.KindFile, path), File: &catalog.File{Path: path, Ensure: catalog.Absent}, Source: strings.Repeat("s", source)}
	}
	return out
}

// TestOlderLimits: an agent that takes smaller catalogs keeps its last one, with the reason on
// the page of its host. One that takes larger catalogs gets the same JSON.
func TestOlderLimits(t *testing.T) {
	most := manyFiles(catalog.OldMaxResources, 10)
	for name, tt := range map[string]struct {
		large []catalog.Resource
		want  string
	}{
		"resources": {manyFiles(catalog.OldMaxResources+1, 10), "since the catalog has 2001 resources, and this agent takes at most 2000;"},
		"bytes":     {manyFiles(catalog.OldMaxResources, catalog.OldMaxSize/catalog.OldMaxResources), "since the catalog has more than 16 MiB, the most that this agent takes;"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestServer(t)
			own := r.withRoles()
			r.put(own, &roles{resources: most})
			web1, web2 := r.certified("web1"), r.certified("web2")
			w := r.got(web1, "/v1/catalog", "2", "")
			r.want(w, 200)
			old, err := catalog.Decode(w.Body.Bytes())
			if err != nil || len(old.Resources) != len(most) {
				t.Fatalf("the largest catalog of older agents: %v", err)
			}
			r.put(own, &roles{resources: tt.large})
			for _, format := range []string{"", "2"} {
				has := "first"
				if format == "2" {
					has = old.Version
				}
				if w := r.got(web1, "/v1/catalog", format, has); w.Code != 304 || w.Header().Get("ETag") != `"`+has+`"` {
					t.Errorf("format %q, of an agent with a catalog: %d %.200s", format, w.Code, w.Body)
				}
				if w := r.got(web2, "/v1/catalog", format, ""); w.Code != 426 || !strings.Contains(w.Body.String(), "agent too old: the role needs a newer one, "+tt.want) {
					t.Errorf("format %q, of a host that had none: %d %.300s", format, w.Code, w.Body)
				}
			}
			if w := r.got(web1, "/v1/catalog", "2", ""); w.Code != 200 || w.Header().Get("ETag") != `"`+old.Version+`"` {
				t.Errorf("an agent that has lost its catalog: %d %.200s", w.Code, w.Body)
			}
			r.reported(web1)
			if notes := r.journal.Hosts()["web1"].Agent.Notes(r.clock()); len(notes) != 1 || !strings.HasPrefix(notes[0], "agent too old: the role needs a newer one, "+tt.want) {
				t.Errorf("it is shown as %q", notes)
			}
			for _, format := range []string{"3", "4"} {
				w := r.got(web1, "/v1/catalog", format, "")
				r.want(w, 200)
				got, err := catalog.Decode(w.Body.Bytes())
				if err != nil || got.Validate() != nil || got.Format != catalog.Format2 || len(got.Resources) != len(tt.large) {
					t.Errorf("format %s: %v", format, err)
				}
			}
			r.reported(web1)
			if a := r.journal.Hosts()["web1"].Agent; !a.Plain() {
				t.Errorf("upgraded, it is %+v", a)
			}
		})
	}
}
