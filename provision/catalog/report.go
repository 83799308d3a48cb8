package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Texts of a report that was made to fit.
const (
	shortMessage = 100
	shortError   = 2000
)

// results are a report's, read one after the other, so that a text of few bytes each
// doesn't become a list that takes many times as much.
type results []Result

// UnmarshalJSON implements json.Unmarshaler.
func (r *results) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	switch t, err := d.Token(); {
	case err != nil:
		return err
	case t == nil:
		*r = nil
		return nil
	case t != json.Delim('['):
		return errors.New("a report's results are not a list")
	}
	*r = results{}
	for d.More() {
		if len(*r) == MaxResources {
			return fmt.Errorf("a report has more than %d results", MaxResources)
		}
		var x Result
		if err := d.Decode(&x); err != nil {
			return err
		}
		*r = append(*r, x)
	}
	return nil
}

// DecodeReport reads a report. What it takes in memory is bounded by its size, whatever
// stands in it.
func DecodeReport(b []byte) (Report, error) {
	var r struct {
		Report
		Results results `json:"results"`
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return Report{}, fmt.Errorf("not a report: %w", err)
	}
	if !slices.Contains([]string{OK, Changed, Failed}, r.Status) {
		return Report{}, errors.New("not a report: its status is ok, changed or failed")
	}
	r.Report.Results = r.Results
	return r.Report, nil
}

// Fit makes a report fit into size bytes of JSON, and returns it with that: long messages
// are cut first, then what held already is left out, and at last the other results, of
// which the failed ones stay longest. What it says of the whole stays.
func (r Report) Fit(size int) (Report, []byte, error) {
	r.Results = slices.Clone(r.Results)
	for _, shorten := range []func(*Report){
		func(*Report) {},
		func(r *Report) {
			for i := range r.Results {
				r.Results[i].Message, r.Results[i].Diff = cut(r.Results[i].Message, shortMessage), ""
			}
			r.Error = cut(r.Error, shortError)
			r.Warnings = slices.Clone(r.Warnings[:min(len(r.Warnings), 20)])
			for i := range r.Warnings {
				r.Warnings[i] = cut(r.Warnings[i], shortMessage)
			}
		},
		func(r *Report) { r.leaveOut(OK, Skipped) },
		func(r *Report) { r.leaveOut(Changed) },
		func(r *Report) { r.Results = r.Results[:min(len(r.Results), 20)] },
		func(r *Report) {
			r.Results, r.Warnings, r.Error = nil, nil, cut(r.Error, shortMessage)
			r.Host, r.Version = cut(r.Host, shortMessage), cut(r.Version, shortMessage)
		},
	} {
		shorten(&r)
		b, err := json.Marshal(r)
		if err != nil {
			return r, nil, err
		}
		if len(b) <= size {
			return r, b, nil
		}
	}
	return r, nil, fmt.Errorf("the report does not fit into %d bytes", size)
}

func (r *Report) leaveOut(status ...string) {
	r.Results = slices.DeleteFunc(r.Results, func(x Result) bool { return slices.Contains(status, x.Status) })
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
