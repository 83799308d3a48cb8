package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"rackhand/provision/catalog"
)

// texts say what the fields of a report are for, by their path.
func texts() map[string]string {
	return map[string]string{
		"number":               "Number of the report among those of the host, from 1. The appliance adds it, as it does the next five.",
		"received":             "When the report was received, by the appliance's clock.",
		"counted":              "The same, as the time that the appliance has run: by it, silence and age are judged.",
		"drifted":              "When the latest report with drift was received. Absent: none since reports are kept.",
		"silent":               "No report for two intervals since, in which the appliance ran.",
		"kept_age":             "Age of the catalog that the host had kept and converged, in seconds, when the report was received. Absent: the appliance's own catalog.",
		"host":                 "Name of the host in the inventory.",
		"version":              "Version of the catalog: the same catalog has the same version.",
		"started":              "When the run began, by the host's clock.",
		"finished":             "When the run ended, by the host's clock.",
		"status":               "The worst of the results and of the checks: ok, changed or failed.",
		"results":              "One for each resource, in the catalog's order. Of an earlier report, those that held are left out.",
		"checks":               "One for each check that ran on the host, in the catalog's order. Absent: the role has none, the run was dry, or an agent of an earlier version. Of an earlier report, those that passed are left out.",
		"checks.check":         "The check in a few words, such as GET http://127.0.0.1:80/.",
		"checks.source":        "Where it is declared.",
		"checks.status":        "ok or failed.",
		"checks.message":       "What the last try saw.",
		"checks.seconds":       "Time from the first try to the end of the last.",
		"error":                "Why the run could not be carried out at all.",
		"catalog_fetched":      "When the appliance last confirmed the catalog that was kept on the host, by the host's clock. Absent: in this run.",
		"catalog_age":          "How long before the run that was, in seconds, by the time since the host's boot.",
		"dropped":              "How many reports before this one were never sent.",
		"clock_ahead":          "How far the host's clock is ahead of the appliance's, in seconds. Absent: at most 2 s.",
		"warnings":             "What the agent wants known beside the results.",
		"interval":             "Time between two runs of the agent, in seconds. Absent from agents of earlier versions.",
		"tags":                 "The run was limited to resources with one of these tags. Such a report is not kept.",
		"order":                "The order of `rackhand converge` that the run was made for.",
		"noop":                 "A dry run, made for an order. It is kept with the order alone.",
		"disabled":             "The agent is disabled and made no run. Such a report is not kept.",
		"disabled.reason":      "Why, in the words of the operator.",
		"disabled.until":       "Until when, by the host's clock.",
		"disabled.left":        "The time until then in seconds, by the time since the host's boot.",
		"totals":               "Counts of the results, with those that were left out. Absent from agents of earlier versions.",
		"totals.ok":            "Resources that held already.",
		"totals.changed":       "Resources that were brought about.",
		"totals.failed":        "Resources that could not be brought about.",
		"totals.skipped":       "Resources that were not tried, since something that they require failed.",
		"totals.unknown":       "Resources of which a dry run can't tell.",
		"totals.pending":       "Services whose restart or reload waits for the maintenance window.",
		"totals.checks":        "Checks that ran on the host.",
		"totals.checks_failed": "Those of them that failed.",
		"totals.drifted":       "How many of the changed ones had drifted: changed on the host, with no change of the catalog. Absent: the agent can't tell.",

		"shortened":         "What the report lost to fit into 512 KiB. Absent: nothing.",
		"shortened.texts":   "Messages, warnings and diffs that were cut or left out.",
		"shortened.results": "Results that were left out.",
		"results.id":        "The resource, such as file[/etc/motd].",
		"results.status":    "What became of it.",
		"results.message":   "What was changed, or why it failed.",
		"results.seconds":   "How long that took.",
		"results.pending":   "The restart or reload that waits for the maintenance window, and until when.",
		"results.diff":      "A bounded unified diff of a file, in a dry run.",
		"results.cause":     "Why it was changed: drift (on the host, with no change of the catalog), catalog (it is declared for the first time or otherwise), follows (another resource was changed), boot (a boot undid it), secret (a sensitive file: a new secret or drift), first (nothing is known from before). Absent: not changed, or an agent of an earlier version.",
	}
}

// enums are the fields whose values are known.
func enums() map[string][]string {
	return map[string][]string{
		"status":         {catalog.OK, catalog.Changed, catalog.Failed},
		"checks.status":  {catalog.OK, catalog.Failed},
		"results.status": {catalog.OK, catalog.Changed, catalog.Failed, catalog.Skipped, catalog.Unknown, catalog.Pending},
		"results.cause":  catalog.Causes(),
	}
}

// JSONSchema is the schema (draft 7) of a report as an agent sends it and as `rackhand
// report --json` prints it, made of the Go types. A field without a text, and a text without
// a field, are errors. Later versions may add fields.
func JSONSchema() ([]byte, error) {
	rest := texts()
	fields, err := object(reflect.TypeFor[Kept](), "", rest)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("there are texts without a field: %v", slices.Sorted(maps.Keys(rest)))
	}
	if err != nil {
		return nil, fmt.Errorf("the schema of reports: %w", err)
	}
	fields["$schema"], fields["title"] = "http://json-schema.org/draft-07/schema#", "rackhand report"
	fields["description"] = "What an agent reports of a run, and what rackhand report HOST --json prints."
	fields["required"] = []string{"status"}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(fields)
	return out.Bytes(), err
}

func object(t reflect.Type, at string, rest map[string]string) (map[string]any, error) {
	properties := map[string]any{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "-" {
			continue
		}
		p := at + name
		text, ok := rest[p]
		if !ok || name == "" {
			return nil, fmt.Errorf("field %q has no text", p)
		}
		delete(rest, p)
		value, err := value(f.Type, p, rest)
		if err != nil {
			return nil, err
		}
		value["description"] = text
		if e := enums()[p]; e != nil {
			value["enum"] = e
		}
		properties[name] = value
	}
	return map[string]any{"type": "object", "properties": properties}, nil
}

func value(t reflect.Type, at string, rest map[string]string) (map[string]any, error) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}, nil
	case t.Kind() == reflect.Struct:
		return object(t, at+".", rest)
	case t.Kind() == reflect.Slice:
		items, err := value(t.Elem(), at, rest)
		return map[string]any{"type": []string{"array", "null"}, "items": items}, err
	}
	kind, ok := map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Uint64: "integer", reflect.Float64: "number",
	}[t.Kind()]
	if !ok {
		return nil, fmt.Errorf("field %q is of type %s", at, t)
	}
	return map[string]any{"type": kind}, nil
}
