package apt

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the goldens")

// The texts are those of apt 2.6.1, run on packages made for the purpose.
func TestRead(t *testing.T) {
	texts, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(texts) == 0 {
		t.Fatal(err)
	}
	declared := map[string]string{"base": "2", "gone": "absent"}
	for _, name := range texts {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		p := Parse(text)
		got := fmt.Sprintf("%+v\nbeyond %v\nunmet %q\nheld %v\nnot fetched %q\nnot processed %q\n",
			p, p.Beyond(func(n string) string { return declared[n] }), Unmet(text), Held(text), NotFetched(text), NotProcessed(text))
		golden := strings.TrimSuffix(name, ".txt") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || string(want) != got {
			t.Errorf("%s: %v, got\n%s\nwant\n%s", name, err, got, want)
		}
	}
}

func TestWhole(t *testing.T) {
	asked := 0
	try := func(set []int) error {
		asked++
		for _, n := range set {
			if n == 3 || n == 70 && slices.Contains(set, 20) {
				return errors.New("no")
			}
		}
		return nil
	}
	var all []int
	for n := range 100 {
		all = append(all, n)
	}
	good, failed, why := Whole(all, try)
	if len(good) != 98 || !slices.Equal(failed, []int{3, 70}) || len(why) != 2 || asked > 40 {
		t.Errorf("%d good, failed %v, asked %d times", len(good), failed, asked)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("Inst base [1] (2 localhost [all])\nRemv a [1]\nThe following packages will be DOWNGRADED:\n  b c\n")
	f.Add("The following packages have unmet dependencies:\n x : Depends: y\nE: Failed to fetch file:/x_1_all.deb  no\ndpkg: error processing package x (--configure):\n y\n")
	f.Add("The following held packages will be changed:\n  a b\n")
	f.Fuzz(func(t *testing.T, text string) {
		p := Parse(text)
		p.Beyond(func(string) string { return "" })
		for _, m := range []map[string]string{NotFetched(text), NotProcessed(text), p.Remove} {
			for name := range m {
				if strings.ContainsAny(name, " \n") {
					t.Errorf("%q is taken for a package", name)
				}
			}
		}
		Unmet(text)
		Held(text)
	})
}
