package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// An event is a line of `go test -json`: see `go doc test2json`.
type event struct {
	Time       time.Time
	Action     string
	Package    string
	ImportPath string // of build-output and build-fail
	Test       string
	Elapsed    float64 // seconds
	Output     string
}

// A took is a package or a test, and its seconds.
type took struct {
	name    string
	seconds float64
	failed  bool
}

// results are the results of a run.
type results struct {
	begin, end     time.Time
	packages       []took // those that have tests
	tests          []took // whole tests, without their subtests
	skipped        []string
	passed, failed int // tests, subtests among them
	broken         []string
}

func (r *results) bad() bool {
	return r.failed > 0 || len(r.broken) > 0 || slices.ContainsFunc(r.packages, func(p took) bool { return p.failed })
}

// read takes events until the input ends. It writes go test's usual output to out as it
// comes: a line for each package, and the output of failing tests. A line that is not an
// event, such as a message of the go command, is written as it is.
func read(in io.Reader, out io.Writer) (*results, error) {
	r := &results{}
	said := map[string]*bytes.Buffer{} // by package and test
	lines := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				_, _ = out.Write(line)
			} else {
				r.take(e, said, out)
			}
		}
		if err == io.EOF {
			return r, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the events of go test: %w", err)
		}
	}
}

func (r *results) take(e event, said map[string]*bytes.Buffer, out io.Writer) {
	if !e.Time.IsZero() {
		if r.begin.IsZero() {
			r.begin = e.Time
		}
		r.end = e.Time
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(out, e.Output)
	case "build-fail":
		r.broken = append(r.broken, e.ImportPath)
	case "output":
		b := said[key]
		if b == nil {
			b = &bytes.Buffer{}
			said[key] = b
		}
		b.WriteString(e.Output)
	case "pass", "fail", "skip":
		text := said[key]
		delete(said, key)
		if e.Test == "" {
			r.ended(e, text, said, out)
			return
		}
		switch e.Action {
		case "pass":
			r.passed++
		case "fail":
			r.failed++
			if text != nil {
				_, _ = out.Write(text.Bytes())
			}
		case "skip":
			r.skipped = append(r.skipped, fmt.Sprintf("%s %s: %s", short(e.Package), e.Test, reason(text)))
		}
		if !strings.Contains(e.Test, "/") {
			r.tests = append(r.tests, took{short(e.Package) + " " + e.Test, e.Elapsed, e.Action == "fail"})
		}
	}
}

// ended is the end of a package. A test that was under way when its program died has no
// end of its own: its output is shown here.
func (r *results) ended(e event, text *bytes.Buffer, said map[string]*bytes.Buffer, out io.Writer) {
	if e.Action == "fail" {
		for key, b := range said {
			if pkg, test, _ := strings.Cut(key, " "); pkg == e.Package {
				fmt.Fprintf(out, "=== has not ended: %s\n%s", test, b.Bytes())
				delete(said, key)
			}
		}
	}
	if text != nil {
		if e.Action == "fail" {
			_, _ = out.Write(text.Bytes())
		} else {
			_, _ = out.Write(lastLine(text.Bytes()))
		}
	}
	if e.Action != "skip" { // it has no test files
		r.packages = append(r.packages, took{short(e.Package), e.Elapsed, e.Action == "fail"})
	}
}

// table is the report of a run: packages by time, the slowest tests, and all that was
// skipped, with its reason.
func (r *results) table(slowest int) string {
	var b strings.Builder
	sum := 0.0
	for _, p := range r.packages {
		sum += p.seconds
	}
	fmt.Fprintf(&b, "%d packages in %s; one after the other they take %s\n\n", len(r.packages), clock(r.end.Sub(r.begin).Seconds()), clock(sum))
	section := func(title string, list []took, most int) {
		list = slices.Clone(list)
		slices.SortStableFunc(list, func(x, y took) int { return cmp.Compare(y.seconds, x.seconds) })
		fmt.Fprintf(&b, "%s\n", title)
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
		for _, t := range list[:min(most, len(list))] {
			mark := ""
			if t.failed {
				mark = "  FAILED"
			}
			fmt.Fprintf(w, "%.1f s\t  %s%s\n", t.seconds, t.name, mark)
		}
		_ = w.Flush() // into memory
	}
	section("Packages", r.packages, len(r.packages))
	fmt.Fprintln(&b)
	section(fmt.Sprintf("The slowest tests of %d", len(r.tests)), r.tests, slowest)
	if len(r.skipped) > 0 {
		fmt.Fprintf(&b, "\nSkipped\n%s\n", strings.Join(r.skipped, "\n"))
	}
	if len(r.broken) > 0 {
		fmt.Fprintf(&b, "\nNot built\n%s\n", strings.Join(r.broken, "\n"))
	}
	return b.String()
}

func clock(seconds float64) string {
	return fmt.Sprintf("%d min %02d s", int(seconds)/60, int(seconds)%60)
}

// short is a package without the module's name.
func short(pkg string) string {
	_, rest, ok := strings.Cut(pkg, "/")
	if !ok {
		return pkg
	}
	return rest
}

// reason is the output of a skipped test, without the lines of go test itself.
func reason(text *bytes.Buffer) string {
	if text == nil {
		return ""
	}
	var kept []string
	for line := range strings.Lines(text.String()) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, " ")
}

func lastLine(text []byte) []byte {
	end := bytes.TrimRight(text, "\n")
	return text[bytes.LastIndexByte(end, '\n')+1:]
}
