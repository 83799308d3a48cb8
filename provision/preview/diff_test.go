package preview

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRanges(t *testing.T) {
	for want, names := range map[string][]string{
		"":                         nil,
		"web1":                     {"web1"},
		"web1, web2":               {"web2", "web1"},
		"web1..web3":               {"web3", "web1", "web2"},
		"web1..web14":              {"web1", "web10", "web11", "web12", "web13", "web14", "web2", "web3", "web4", "web5", "web6", "web7", "web8", "web9"},
		"web1..web3, web5, web6":   {"web1", "web2", "web3", "web5", "web6"},
		"web08..web11":             {"web08", "web09", "web10", "web11"},
		"web2, web02, web3":        {"web02", "web2", "web3"},
		"a, db1..db3, r1-1..r1-3":  {"db1", "db2", "db3", "a", "r1-1", "r1-2", "r1-3"},
		"n99999999999999999999999": {"n99999999999999999999999"},
		"web1a, web2a, web3a":      {"web1a", "web2a", "web3a"},
		"web2..web4, web10, web1a": {"web1a", "web2", "web10", "web3", "web4"},
	} {
		slices.SortFunc(names, naturally)
		if got := Ranges(names); got != want {
			t.Errorf("%v: %q, not %q", names, got, want)
		}
	}
}

// TestNaturally: whatever the order before, it is the same after.
func TestNaturally(t *testing.T) {
	names := []string{"web", "web1", "web01", "web001", "web2", "web10", "web1a", "web-1", "1", "01", "a", "", "web9999999999999999999999"}
	want := slices.SortedFunc(slices.Values(names), naturally)
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		if got := slices.SortedFunc(slices.Values(names), naturally); !slices.Equal(got, want) {
			t.Fatalf("%q, not %q", got, want)
		}
	}
}

func TestReplaceWord(t *testing.T) {
	for _, tt := range [][3]string{
		{"host web1 at web1.", "web1", "host X at X."},
		{"web10 web1-mgmt xweb1 web1", "web1", "web10 web1-mgmt xweb1 X"},
		{"web1", "web1", "X"},
		{"10.0.0.1 10.0.0.11", "10.0.0.1", "X 10.0.0.11"},
		{"BOOTIF=01-52-54-00-00-00-01", "52-54-00-00-00-01", "BOOTIF=01-X"},
		{"a", "", "a"},
	} {
		if got := replaceWord(tt[0], tt[1], "X"); got != tt[2] {
			t.Errorf("%q in %q: %q, not %q", tt[1], tt[0], got, tt[2])
		}
	}
}

func TestParseTree(t *testing.T) {
	listing := "100644 blob 1\ta.yaml\x00120000 blob 2\ttemplates/x.ks\x00160000 commit 3\troles\x00" +
		"100644 blob 4\tREADME.md\x00100644 blob 4\tca.pem\x00100644 blob 5\troles/deep/web.yaml\x00100644 blob 6\tother/a.yaml\x00" +
		"100644 blob 7\t../a.yaml\x00100644 blob 8\t/etc/a.yaml\x00100644 blob 9\ttemplates/../../a.yaml\x00junk\x00"
	got, err := parseTree([]byte(listing))
	if diff := cmp.Diff([]string{"a.yaml", "templates/x.ks", "ca.pem", "roles/deep/web.yaml"}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := parseTree([]byte("100644 blob 1\ta\nb.yaml\x00")); err == nil {
		t.Error("a name with a line break is taken")
	}
	if _, err := parseTree(bytes.Repeat([]byte("100644 blob 1\ta.yaml\x00"), maxCheckout+1)); err == nil {
		t.Error("too many files are taken")
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add("1234 blob 3\nabc\n", "a.yaml")
	f.Add("1234 tree 0\n\n", "templates/a")
	f.Add("1234 blob 99999999999999\n", "a.yaml")
	f.Add("HEAD:a.yaml missing\n", "a.yaml")
	f.Fuzz(func(t *testing.T, said, name string) {
		names, err := parseTree([]byte("100644 blob 1\t" + name + "\x00"))
		if err != nil || len(names) != 1 {
			return
		}
		dir := t.TempDir()
		in := filepath.Join(dir, "in")
		if err := os.Mkdir(in, 0o700); err != nil {
			t.Fatal(err)
		}
		_ = unpack(bufio.NewReader(strings.NewReader(said)), names, in)
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Fatalf("it left its folder: %v, %v", entries, err)
		}
	})
}

func TestGitEnviron(t *testing.T) {
	got := gitEnviron([]string{"GIT_DIR=/x", "HOME=/h", "GIT_INDEX_FILE=y", "GIT_SSH=z"})
	if !slices.Equal(got[:2], []string{"HOME=/h", "GIT_SSH=z"}) || !slices.Contains(got, "GIT_TERMINAL_PROMPT=0") {
		t.Error(got)
	}
}

// manyHosts writes an inventory with n hosts.
func manyHosts(t testing.TB, n int, lang string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("networks: {a: {subnet: 10.0.0.0/8, gateway: 10.0.0.1}}\nsystems: {d: {installer: image, image: d}}\n")
	fmt.Fprintf(&b, "groups: {w: {system: d, kickstart: base.ks, role: w, variables: {lang: %s}}}\nhosts:\n", lang)
	for i := range n {
		fmt.Fprintf(&b, "  n%d: {mac: \"52:54:00:00:%02x:%02x\", address: 10.1.%d.%d, group: w}\n", i, i>>8, i&255, i>>7, i&127+1)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"rack.yaml":    b.String(),
		"roles/w.yaml": "resources:\n  - package: nginx\n  - file: /etc/motd\n    content: this is ${host.name}\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func preview(t testing.TB, dir string) *Preview {
	t.Helper()
	p, problems := Open(dir, Options{})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestCompareTwice: 300 hosts, one change, one diff; twice it is the same, however the
// goroutines ran.
func TestCompareTwice(t *testing.T) {
	old, now := manyHosts(t, 300, "C.UTF-8"), manyHosts(t, 300, "de_DE.UTF-8")
	said := ""
	for range 3 {
		c, err := Compare(context.Background(), preview(t, old), preview(t, now), "HEAD")
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := c.Write(&b); err != nil {
			t.Fatal(err)
		}
		if said != "" && said != b.String() {
			t.Fatal(cmp.Diff(said, b.String()))
		}
		said = b.String()
		if len(c.Altered) != 300 || len(c.Answers) != 1 || !strings.Contains(said, "kickstart of n0..n299 (300 hosts)") || len(c.Broken) > 0 {
			t.Fatal(said)
		}
	}
	same, err := Compare(context.Background(), preview(t, old), preview(t, old), "HEAD")
	if err != nil || same.Any() {
		t.Errorf("%+v, %v", same, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Compare(ctx, preview(t, old), preview(t, now), "HEAD"); err == nil {
		t.Error("it goes on though it was told to end")
	}
}

func BenchmarkCompare(b *testing.B) {
	old, now := preview(b, manyHosts(b, 1000, "C.UTF-8")), preview(b, manyHosts(b, 1000, "de_DE.UTF-8"))
	for b.Loop() {
		if _, err := Compare(context.Background(), old, now, "HEAD"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	p := preview(b, manyHosts(b, 1, "C.UTF-8"))
	for b.Loop() {
		if _, _, err := p.Render("n0", Kickstart); err != nil {
			b.Fatal(err)
		}
	}
}
