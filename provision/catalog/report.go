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

// A bounded list is read one item after the other, so that a text of few bytes each doesn't
// become a list that takes many times as much.
type bounded[T any] []T

// read appends the items of a JSON list, at most so many.
func (l *bounded[T]) read(b []byte, what string, most int) error {
	d := json.NewDecoder(bytes.NewReader(b))
	switch t, err := d.Token(); {
	case err != nil:
		return err
	case t == nil:
		*l = nil
		return nil
	case t != json.Delim('['):
		return fmt.Errorf("a report's %s are not a list", what)
	}
	*l = bounded[T]{}
	for d.More() {
		if len(*l) == most {
			return fmt.Errorf("a report has more than %d %s", most, what)
		}
		var x T
		if err := d.Decode(&x); err != nil {
			return err
		}
		*l = append(*l, x)
	}
	return nil
}

type results struct{ bounded[Result] }

// UnmarshalJSON implements json.Unmarshaler.
func (r *results) UnmarshalJSON(b []byte) error { return r.read(b, "results", MaxResources) }

type checkResults struct{ bounded[CheckResult] }

// UnmarshalJSON implements json.Unmarshaler.
func (r *checkResults) UnmarshalJSON(b []byte) error { return r.read(b, "checks", MaxChecks) }

// DecodeReport reads a report. The memory that it takes is bounded by the size of the JSON,
// for any content.
func DecodeReport(b []byte) (Report, error) {
	var r struct {
		Report
		Results results      `json:"results"`
		Checks  checkResults `json:"checks"`
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
	for i := range r.Results.bounded {
		if x := &r.Results.bounded[i]; x.Cause != "" && !slices.Contains(Causes(), x.Cause) {
			x.Cause = "" // of a later agent
		}
	}
	r.Report.Results, r.Report.Checks = r.Results.bounded, r.Checks.bounded
	return r.Report, nil
}

// Fit makes a report fit into size bytes of JSON, and returns it with that: long messages
// are cut first, then what held already is left out, and at last the other results, of
// which the failed ones stay longest. Its summary stays, and Shortened counts
// the parts that went.
func (r Report) Fit(size int) (Report, []byte, error) {
	r.Results, r.Checks = slices.Clone(r.Results), slices.Clone(r.Checks)
	for _, shorten := range []func(*Report){
		func(*Report) {},
		func(r *Report) { r.cutTexts() },
		func(r *Report) { r.leaveOut(OK, Skipped) },
		func(r *Report) { r.leaveOut(Changed) },
		func(r *Report) { r.keepFirst(20) },
		func(r *Report) {
			r.keepFirst(0)
			r.shortened(len(r.Checks), 0)
			r.Checks = nil
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
	for i := range r.Checks {
		shorter(&r.Checks[i].Message, shortMessage)
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
