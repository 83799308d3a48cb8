package engine

import (
	"slices"
	"strings"

	"rackhand/templates/kickstart"
)

// sections reads the sections. Under Skip several %packages are merged, as Anaconda does.
func (r *skipReader) sections(f *kickstart.File) {
	var packages *kickstart.Section
	for _, s := range f.Sections {
		b := readLoosely(&kickstart.Command{Name: s.Name, Pos: s.Pos, Words: s.Words})
		if s.Name == "%packages" && r.skip {
			s = r.packages(s)
			if packages != nil {
				packages.Body += s.Body
				packages.Words = append(packages.Words, s.Words...)
				continue
			}
			packages = s
		} else if t := r.treat(b, nil); t != nil {
			r.report(t, s.Pos, b.shown())
			if t.Fate != Refused {
				continue
			}
		}
		r.out.Sections = append(r.out.Sections, s)
	}
	if packages != nil {
		packages.Body = lastWins(packages.Body)
	}
}

// packages is a %packages section with plain names only. A package that no repository has
// doesn't end the install, because its name may differ in the distribution of the image.
func (r *skipReader) packages(s *kickstart.Section) *kickstart.Section {
	head := &kickstart.Command{Name: s.Name, Pos: s.Pos, Words: s.Words}
	b := &looseCommand{c: head}
	for i := 0; i < len(s.Words); i++ {
		flag, value, given := strings.Cut(s.Words[i].Text, "=")
		o := looseOption{flag: flag, flags: []string{flag}, value: value, at: s.Words[i].Pos, first: i, words: 1}
		takes := slices.Contains([]string{"--instLangs", "--inst-langs", "--timeout", "--retries"}, flag)
		if takes && !given && i+1 < len(s.Words) {
			i++
			o.value, o.words = s.Words[i].Text, 2
		}
		b.add(o)
	}
	out := *s
	out.Words = append(slices.Clone(r.options(b).Words), kickstart.Word{Text: "--ignoremissing", Pos: s.Pos})
	var body strings.Builder
	for i, line := range kickstart.SplitLines(s.Body) {
		text, _, _ := strings.Cut(line, "#")
		_, at := kickstart.FirstField(text, s.BodyLine+i)
		text = strings.TrimFunc(text, kickstart.IsSpace)
		kind := packageLine(text)
		if kind == "" {
			body.WriteString(text + "\n")
			continue
		}
		o := looseOption{flags: []string{kind}, value: text}
		if t := r.treat(b, &o); t != nil {
			r.report(t, at, "%packages: "+kickstart.Clip(text))
		}
	}
	out.Body = body.String()
	return &out
}

// packageLine classifies a line of %packages that Skip treats. It is "" for a plain name,
// an excluded name, and a line that the engine reports as an error.
func packageLine(line string) string {
	name := strings.TrimFunc(strings.TrimPrefix(line, "-"), kickstart.IsSpace)
	switch {
	case line == "" || name == "" || strings.HasPrefix(line, "%"):
		return ""
	case strings.HasPrefix(name, "@"):
		return lineGroup
	case strings.ContainsAny(name, "*?["):
		return linePattern
	case !packageName.MatchString(name):
		return lineStrange
	}
	return ""
}

// lastWins keeps, of a package that is both wanted and excluded, the last line, as
// Anaconda does.
func lastWins(body string) string {
	last := map[string]int{}
	lines := kickstart.SplitLines(body)
	name := func(line string) string {
		return strings.TrimFunc(strings.TrimPrefix(strings.TrimFunc(line, kickstart.IsSpace), "-"), kickstart.IsSpace)
	}
	for i, line := range lines {
		last[name(line)] = i
	}
	var out strings.Builder
	for i, line := range lines {
		if last[name(line)] == i {
			out.WriteString(line)
		}
	}
	return out.String()
}
