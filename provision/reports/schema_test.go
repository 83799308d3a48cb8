package reports_test

import (
	"encoding/json"
	"flag"
	"testing"

	"rackhand/config/schema/schematest"
	"rackhand/provision/catalog"
	"rackhand/provision/reports"
)

var update = flag.Bool("update", false, "write the golden files")

// TestSchema: the schema that is shipped is that of the Go types, takes what is kept and
// sent, and refuses what isn't a report.
func TestSchema(t *testing.T) {
	data, err := reports.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	schematest.Golden(t, "../../docs/schema/report.schema.json", data, *update)
	v := schematest.New(t, data)
	r := newTestArchive(t)
	x := report(1)
	x.Results = append(x.Results, catalog.Result{ID: "c", Status: catalog.Failed, Message: "no"})
	x.Warnings, x.Dropped, x.Interval = []string{"w"}, 1, 1800
	x, sent, err := x.Fit(300)
	if err != nil || x.Shortened == nil {
		t.Fatal(err, x.Shortened)
	}
	for _, what := range []any{x, r.put("web1", x), r.put("web1", report(2)), catalog.Report{Status: catalog.OK}, json.RawMessage(sent)} {
		text, err := json.Marshal(what)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Validate(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, bad := range []string{`{}`, `{"status":"fine"}`, `{"status":"ok","results":[{"id":1}]}`, `{"status":"ok","results":[{"cause":"magic"}]}`, `{"status":"ok","totals":{"ok":"many"}}`} {
		if v.Validate([]byte(bad)) == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
