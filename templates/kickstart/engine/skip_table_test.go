package engine

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"rackhand/templates/kickstart"
)

var updatePage = flag.Bool("update-page", false, "rewrite the table of docs/unsupported.md")

// Every part of a release's language is carried out or has its place in the table of Skip:
// nothing is refused for want of a decision.
func TestSkippingCoversTheLanguage(t *testing.T) {
	treated := func(command, option string) bool {
		for _, row := range Skipping() {
			whole := len(row.Options) == 0 && row.With == nil && row.line == nil
			if row.Command == command && (whole || option != "" && slices.Contains(append(row.With, row.Options...), option)) {
				return true
			}
		}
		return false
	}
	for _, release := range kickstart.Releases() {
		syntax, err := kickstart.LookupSyntax(release)
		if err != nil {
			t.Fatal(err)
		}
		for name, spec := range syntax.Commands {
			if name == "partition" {
				continue // part
			}
			rule, ok := imageRule(name)
			if !ok && !treated(name, "") {
				t.Errorf("%s: %s is neither carried out nor treated", release, name)
			}
			for _, o := range spec.Options {
				carried := slices.ContainsFunc(rule.Options, func(eo Option) bool { return slices.Contains(o.Flags, eo.Flag) })
				if !carried && !slices.ContainsFunc(o.Flags, func(f string) bool { return treated(name, f) }) {
					t.Errorf("%s: %s %s is neither carried out nor treated", release, name, o.Flags[0])
				}
			}
		}
		for name, section := range syntax.Sections {
			switch name {
			case "%pre", "%pre-install", "%post", "%onerror":
				continue
			case "%packages":
				for _, o := range section.Options {
					carried := []string{"--ignoremissing", "--excludedocs", "--excludeWeakdeps", "--exclude-weakdeps", "--timeout", "--retries", "--nocore"}
					if !slices.Contains(carried, o) && !treated(name, o) {
						t.Errorf("%s: %%packages %s is neither carried out nor treated", release, o)
					}
				}
				continue
			}
			if !treated(name, "") {
				t.Errorf("%s: section %s is neither carried out nor treated", release, name)
			}
		}
	}
	for _, row := range Skipping() {
		if row.Why == "" || row.Fate == "" {
			t.Errorf("%s %v has no fate or says no reason", row.Command, row.Options)
		}
	}
}

// The page for people shows the table that the engine uses.
func TestUnsupportedPage(t *testing.T) {
	const page, begin, end = "../../../docs/unsupported.md", "<!-- the table of the code begins -->\n", "<!-- the table of the code ends -->\n"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(data), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table", page)
	}
	want := before + begin + tableText() + end + after
	if *updatePage {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(data) {
		t.Errorf("%s has another table than the code: run this test with -update-page", page)
	}
}

// tableText is the table in Markdown: a row for each command, option or value.
func tableText() string {
	var b strings.Builder
	b.WriteString("\n| carried out | with these options |\n|---|---|\n")
	for _, c := range Commands() {
		var flags []string
		for _, o := range c.Options {
			text := "`" + o.Flag + "`"
			if len(o.Only) > 0 {
				text = "`" + o.Flag + "=" + strings.Join(o.Only, "\\|") + "`"
			}
			flags = append(flags, text)
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", strings.Join(c.Names, "` `"), strings.Join(flags, " "))
	}
	b.WriteString("| `%pre` `%pre-install` `%post` `%onerror` | `--interpreter` (in the installer `/bin/sh` alone) `--log` `--erroronfail` `--nochroot` |\n")
	b.WriteString("| `%packages` | names, `-NAME`; `--ignoremissing` (the default under `skip`) `--excludedocs` `--exclude-weakdeps` `--timeout` `--retries` `--nocore` |\n")
	b.WriteString("\n| otherwise | becomes | because |\n|---|---|---|\n")
	type line struct{ what, fate, why string }
	var lines []line
	for _, row := range Skipping() {
		what := "`" + row.Command + "`"
		if len(row.Options) > 0 {
			what += " `" + strings.Join(row.Options, "` `") + "`"
		}
		if len(row.With) > 0 {
			what += " with `" + strings.Join(row.With, "` or `") + "`"
		}
		if row.When != "" {
			what += " (" + strings.ReplaceAll(row.When, "|", "\\|") + ")"
		}
		fate := string(row.Fate)
		if row.Both {
			fate += ", also under `refuse`"
		}
		if n := len(lines); n > 0 && len(row.Options)+len(row.With) == 0 && row.When == "" && lines[n-1].fate == fate && lines[n-1].why == row.Why {
			lines[n-1].what += ", " + what
			continue
		}
		lines = append(lines, line{what, fate, row.Why})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return strings.Compare(rank(a.fate), rank(b.fate)) })
	for _, l := range lines {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", l.what, l.fate, l.why)
	}
	b.WriteString("\n")
	return b.String()
}

func rank(fate string) string {
	for i, f := range []Fate{Refused, Later, Warned, Meaningless} {
		if strings.HasPrefix(fate, string(f)) && (f != Meaningless || !strings.HasPrefix(fate, string(Warned))) {
			return fmt.Sprint(i)
		}
	}
	return "9"
}
