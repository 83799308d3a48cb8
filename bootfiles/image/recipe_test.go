package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/config/problem"
	"rackhand/config/schema/schematest"
)

func TestRecipeFor(t *testing.T) {
	for name, want := range map[string]string{
		"debian12": "debian bookworm", "debian13-web": "debian trixie", "debian-11": "debian bullseye",
		"ubuntu24.04": "ubuntu noble", "ubuntu2204": "ubuntu jammy", "ubuntu2404-k8s": "ubuntu noble",
		"rocky9": "rocky 9", "fedora42": "fedora 42", "alma10": "alma 10",
		"debian": "", "debian12web": "", "debian7": "", "web": "", "12": "", "rocky8": "",
	} {
		r, ok := RecipeFor(name)
		if got := strings.TrimSpace(r.Distribution + " " + r.Release); got != want || ok != (want != "") {
			t.Errorf("%s stands for %q (%v), want %q", name, got, ok, want)
		}
	}
}

func TestRecipeCheck(t *testing.T) {
	for _, c := range []struct {
		want   string // "" when the recipe is right
		recipe Recipe
	}{
		{"", bookworm()},
		{"", Recipe{Distribution: "debian", Release: "13", Packages: []string{"g++", "libc6"}}},
		{"", Recipe{Distribution: "ubuntu", Release: "noble", Mirror: "http://mirror.example/ubuntu"}},
		{"", Recipe{Distribution: "rocky", Release: "9", Sources: []string{"https://mirror.example/BaseOS"}, Key: "/k"}},
		{"", Recipe{Distribution: "fedora", Release: "42", Sources: []string{"file:///srv/repo"}, Unsigned: true}},
		{`did you mean "debian"`, Recipe{Distribution: "debain", Release: "12"}},
		{"known are bullseye (11), bookworm (12), trixie (13)", Recipe{Distribution: "debian", Release: "buster"}},
		{"can't be a package", Recipe{Distribution: "debian", Release: "12", Packages: []string{"-o"}}},
		{"can't be a package", Recipe{Distribution: "debian", Release: "12", Packages: []string{"a,b"}}},
		{"name a mirror with --mirror", Recipe{Distribution: "ubuntu", Release: "noble"}},
		{"name its repositories with --source", Recipe{Distribution: "rocky", Release: "9"}},
		{"name its repositories as sources", Recipe{Distribution: "rocky", Release: "9", Mirror: "http://m/"}},
		{"no key is known", Recipe{Distribution: "rocky", Release: "9", Sources: []string{"http://m/"}}},
		{"signed by Debian", Recipe{Distribution: "debian", Release: "12", Unsigned: true}},
		{"can't carry a user", Recipe{Distribution: "debian", Release: "12", Mirror: "http://me:hunter2@m/debian"}},
		{"must begin with http://", Recipe{Distribution: "debian", Release: "12", Mirror: "ftp://m/debian"}},
		{"URL SUITE COMPONENT", Recipe{Distribution: "debian", Release: "12", Sources: []string{"http://m/debian bookworm"}}},
		{"can't be a suite", Recipe{Distribution: "debian", Release: "12", Sources: []string{"http://m/debian [trusted=yes] main"}}},
		{"nothing else", Recipe{Distribution: "rocky", Release: "9", Sources: []string{"http://m/ x"}}},
		{"absolute path", Recipe{Distribution: "debian", Release: "12", Key: "site.gpg"}},
	} {
		err := c.recipe.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: got %v, want %q", c.recipe, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a password is repeated: %v", err)
		}
	}
}

func TestAptSources(t *testing.T) {
	for _, c := range []struct {
		recipe Recipe
		want   []string
	}{
		{
			Recipe{Distribution: "ubuntu", Release: "noble", Mirror: "http://m/ubuntu"},
			[]string{
				"deb [signed-by=/usr/share/keyrings/ubuntu-archive-keyring.gpg] http://m/ubuntu noble main universe",
				"deb [signed-by=/usr/share/keyrings/ubuntu-archive-keyring.gpg] http://m/ubuntu noble-updates main universe",
				"deb [signed-by=/usr/share/keyrings/ubuntu-archive-keyring.gpg] http://m/ubuntu noble-security main universe",
			},
		},
		{
			Recipe{Distribution: "debian", Release: "trixie", Mirror: "http://m/debian", Key: "/k"},
			[]string{"deb [signed-by=/k] http://m/debian trixie main", "deb [signed-by=/k] http://m/debian trixie-updates main"},
		},
		{
			Recipe{Distribution: "debian", Release: "trixie", Sources: []string{"file:///r ./tiny main  extra"}, Unsigned: true},
			[]string{"deb [trusted=yes] file:///r ./tiny main extra"},
		},
	} {
		list, err := c.recipe.aptSources()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range list {
			got = append(got, s.Line())
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%+v (-want +got):\n%s", c.recipe, d)
		}
	}
}

// Another release comes from the same archives.
func TestSourcesMoved(t *testing.T) {
	etc := t.TempDir()
	write(t, etc, map[string]string{"sources.list": "deb http://m/debian bookworm main non-free-firmware\ndeb http://m/debian bookworm-updates main\n" +
		"deb http://m/debian-security bookworm-security main\ndeb http://other/apt tool-bookworm main\n"})
	for release, want := range map[string]string{
		"trixie":   "http://m/debian trixie [main non-free-firmware], http://m/debian trixie-updates [main], http://m/debian-security trixie-security [main]",
		"bullseye": "http://m/debian bullseye [main], http://m/debian bullseye-updates [main], http://m/debian-security bullseye-security [main]",
	} {
		list, err := sourcesIn(etc, release)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range list {
			got = append(got, s.URI+" "+s.Suite+" ["+strings.Join(s.Components, " ")+"]")
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s comes from %v, want %s", release, got, want)
		}
	}
}

func TestPackagesOfReleases(t *testing.T) {
	has := func(r Recipe, names string) string {
		t.Helper()
		list := " " + strings.Join(r.packages(), " ") + " "
		var got []string
		for _, n := range strings.Fields(names) {
			if strings.Contains(list, " "+n+" ") {
				got = append(got, n)
			}
		}
		return strings.Join(got, " ")
	}
	const ask = "usr-is-merged linux-image-amd64 linux-image-generic ifupdown netplan.io kernel tmux"
	for _, c := range []struct {
		recipe Recipe
		want   string
	}{
		{Recipe{Distribution: "debian", Release: "bookworm", Packages: []string{"tmux", "tmux"}}, "usr-is-merged linux-image-amd64 ifupdown tmux"},
		{Recipe{Distribution: "debian", Release: "bullseye"}, "linux-image-amd64 ifupdown"},
		{Recipe{Distribution: "ubuntu", Release: "noble"}, "usr-is-merged linux-image-generic netplan.io"},
		{Recipe{Distribution: "ubuntu", Release: "jammy"}, "linux-image-generic netplan.io"},
		{Recipe{Distribution: "rocky", Release: "9"}, "kernel"},
	} {
		if got := has(c.recipe, ask); got != c.want {
			t.Errorf("%s %s has %q, want %q", c.recipe.Distribution, c.recipe.Release, got, c.want)
		}
	}
}

func TestStale(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "web.yaml")
	write(t, dir, map[string]string{"web.yaml": "distribution: debian\nrelease: 12\npackages: [nginx, tmux]\n"})
	r, problems := ReadRecipe(file)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	sum, err := r.Sum()
	if err != nil {
		t.Fatal(err)
	}
	m := &Manifest{Name: "web", Recipe: &r, RecipeFile: file, RecipeSum: sum}
	stale := func(want string) {
		t.Helper()
		if got := m.Stale(); got != want && (want == "" || !strings.Contains(got, want)) {
			t.Errorf("stale: %q, want %q", got, want)
		}
	}
	stale("")
	// The order of packages, and comments, make no other image.
	write(t, dir, map[string]string{"web.yaml": "# mine\ndistribution: debian\nrelease: bookworm\npackages:\n- tmux\n- nginx\n"})
	stale("")
	write(t, dir, map[string]string{"web.yaml": "distribution: debian\nrelease: bookworm\npackages: [nginx]\n"})
	stale("web.yaml or this program changed")
	write(t, dir, map[string]string{"web.yaml": "distribution: ["})
	stale("no recipe can be read from")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	stale("no recipe can be read from")
	m.RecipeFile = ""
	stale("")
	m.RecipeSum = strings.Repeat("0", 64)
	stale("this program makes it otherwise")
	m.Recipe = nil
	stale("before recipes were kept")
	m.Import = &Imported{}
	stale("")
}

func TestReadRecipe(t *testing.T) {
	for text, want := range map[string]string{
		"distribution: debian\nrelease: bookworm\n":                                                         "",
		"distribution: ubuntu\nrelease: 24.04\nmirror: http://m/ubuntu\nkey: keys/u.gpg\n":                  "",
		"distribution: rocky\nrelease: 9\nsources: [http://m/BaseOS, http://m/AppStream]\nunsigned: true\n": "",
		"release: bookworm\n":    "the distribution is missing",
		"distribution: debian\n": "the release is missing",
		"distribution: debian\nrelease: bookworm\npakages: [a]\n":                                                 `did you mean "packages"`,
		"distribution: debian\nrelease: bookworm\npackages: [a b]\n":                                              "r.yaml:3:12",
		"distribution: debian\nrelease: sid\n":                                                                    "no release",
		"distribution: suse\nrelease: 15\n":                                                                       "unknown value",
		"distribution: debian\nrelease: bookworm\nmirror: http://me:hunter2@m/\n":                                 "can't carry a user",
		"distribution: debian\nrelease: bookworm\nsources:\n- http://m/debian bookworm main\n- nonsense b main\n": "r.yaml:5:3",
		"distribution: debian\nrelease: bookworm\nunsigned: yes\n":                                                "write true or false",
		"": "the distribution is missing",
	} {
		r, problems := ParseRecipe("/etc/x/r.yaml", []byte(text))
		got := problems.String()
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s\n got %q, want %q", text, got, want)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("a password is shown:\n%s", got)
		}
		if r.Key != "" && r.Key != "/etc/x/keys/u.gpg" {
			t.Errorf("the key is %s", r.Key)
		}
	}
	if _, problems := ReadRecipe("/nonexistent/r.yaml"); !strings.Contains(problems.String(), "three lines are enough") {
		t.Errorf("no file: %v", problems)
	}
}

// Every key that the reader knows stands in the schema with an example that both
// take.
func TestRecipeSchema(t *testing.T) {
	data, err := RecipeSchema()
	if err != nil {
		t.Fatal(err)
	}
	schematest.Case{
		Shape: recipeShape(), Docs: recipeDocs(), JSON: data,
		Load: func(data []byte) problem.Problems {
			_, problems := ParseRecipe("/etc/rackhand/web.yaml", data)
			return problems
		},
		Base: func(key string) string {
			base := map[string]string{"distribution": "distribution: debian\n", "release": "release: bookworm\n", "sources": "sources: [http://m/debian bookworm main]\n"}
			delete(base, key)
			if key != "unsigned" {
				delete(base, "sources")
			}
			return base["distribution"] + base["release"] + base["sources"]
		},
		Name: func(string) string { return "debian" },
	}.Agree(t)
	schematest.Golden(t, "../../docs/schema/image.schema.json", data, *update)
}

func FuzzParseRecipe(f *testing.F) {
	f.Add([]byte("distribution: debian\nrelease: bookworm\npackages: [nginx]\nsources: [http://m/debian bookworm main]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, problems := ParseRecipe("r.yaml", data)
		if len(problems) > 0 {
			return
		}
		if err := r.Check(); err != nil {
			t.Errorf("a recipe without problems fails its check: %v", err)
		}
		for _, p := range r.packages() {
			if strings.HasPrefix(p, "-") || strings.ContainsAny(p, ", ") {
				t.Errorf("the package %q would be read as something else", p)
			}
		}
	})
}
