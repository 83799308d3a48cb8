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

// DecodeReport reads a report. The memory that it takes is bounded by the size of the JSON,
// for any content.
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
	if err := CheckTags(r.Tags); err != nil {
		return Report{}, fmt.Errorf("not a report: %w", err)
	}
	for i := range r.Results {
		if x := &r.Results[i]; x.Cause != "" && !slices.Contains(Causes(), x.Cause) {
			x.Cause = "" // of a later agent
		}
	}
	r.Report.Results = r.Results
	return r.Report, nil
}

// Fit makes a report fit into size bytes of JSON, and returns it with that: long messages
// are cut first, then what held already is left out, and at last the other results, of
// which the failed ones stay longest. Its summary stays, and Shortened counts
// the parts that went.
func (r Report) Fit(size int) (Report, []byte, error) {
	r.Results = slices.Clone(r.Results)
	for _, shorten := range []func(*Report){
		func(*Report) {},
		func(r *Report) { r.cutTexts() },
		func(r *Report) { r.leaveOut(OK, Skipped) },
		func(r *Report) { r.leaveOut(Changed) },
		func(r *Report) { r.keepFirst(20) },
		func(r *Report) {
			r.keepFirst(0)
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

// cutTexts cuts the texts of a report.
func (r *Report) cutTexts() {
	n := 0
	shorter := func(s *string, most int) {
		if short := cut(*s, most); short != *s {
			*s = short
			n++
		}
	}
	for i := range r.Results {
		x := &r.Results[i]
		if x.Diff != "" {
			x.Diff = ""
			n++
		}
		shorter(&x.Message, shortMessage)
	}
	shorter(&r.Error, shortError)
	n += max(0, len(r.Warnings)-20)
	r.Warnings = slices.Clone(r.Warnings[:min(len(r.Warnings), 20)])
	for i := range r.Warnings {
		shorter(&r.Warnings[i], shortMessage)
	}
	r.shortened(n, 0)
}

func (r *Report) leaveOut(status ...string) {
	n := len(r.Results)
	r.counted()
	r.Results = slices.DeleteFunc(r.Results, func(x Result) bool { return slices.Contains(status, x.Status) })
	r.shortened(0, n-len(r.Results))
}

func (r *Report) keepFirst(n int) {
	left := max(0, len(r.Results)-n)
	r.counted()
	r.Results = r.Results[:len(r.Results)-left]
	r.shortened(0, left)
}

// counted notes the totals before results go.
func (r *Report) counted() {
	t := r.Count()
	r.Totals = &t
}

// shortened adds to the counts of lost parts.
func (r *Report) shortened(texts, results int) {
	if texts+results == 0 {
		return
	}
	s := Shortened{Texts: texts, Results: results}
	if r.Shortened != nil {
		s.Texts, s.Results = s.Texts+r.Shortened.Texts, s.Results+r.Shortened.Results
	}
	r.Shortened = &s
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
