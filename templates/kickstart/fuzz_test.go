package kickstart

import (
	"strings"
	"testing"
)

// addCorpus gives a fuzz target every file of the corpus as a seed.
func addCorpus(f *testing.F) {
	for _, path := range corpusFiles(f) {
		for _, c := range readCorpus(f, path) {
			f.Add([]byte(c.text))
		}
	}
	f.Add([]byte("%pre --log\n%end\npart / --size=1 --fs=x\nrootpw \"a"))
	f.Add([]byte("network --mtu --ip=1 a\\\n-\n-1 --=\n"))
	f.Add([]byte("\ufefftext\r\n%post\r\n%end\u2028part\x00 /"))
	f.Add([]byte("user --name=gr\xfcn --uid=0x1f -- \u0663\nraid --level=x --size=-- --\v\x1c%certificate\n"))
}

// FuzzParse holds that a parsed file's words lie where the text has them.
func FuzzParse(f *testing.F) {
	addCorpus(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("f.ks", text)
		if err != nil {
			return
		}
		for _, c := range file.Commands {
			for _, w := range c.Words {
				if !within(string(text), "", w.Pos) {
					t.Errorf("%s: the word %q is not at %s", c.Name, w.Text, w.Pos)
				}
			}
		}
		for _, s := range file.Sections {
			if !strings.Contains(string(text), s.Body) {
				t.Errorf("%s: its body is not in the text", s.Name)
			}
		}
	})
}

// FuzzCheck holds that a check of any text, for any release, ends, finds no more than
// it may report, and names places that are in the text.
func FuzzCheck(f *testing.F) {
	addCorpus(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, r := range Releases() {
			problems, err := checkText(string(text), r)
			if err != nil {
				t.Fatal(err)
			}
			if len(problems) > 2*MaxProblems {
				t.Errorf("%s: %d problems", r, len(problems))
			}
			for _, p := range problems {
				if !within(string(text), r, p.Pos) {
					t.Errorf("%s: there is no place %s: %v", r, p.Pos, p)
				}
				if p.Message == "" || strings.Contains(p.Message, "%!") && !strings.Contains(string(text), "!") {
					t.Errorf("%s: a bad message: %v", r, p)
				}
			}
		}
	})
}
