package usage_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"rackhand/provision/usage"
)

// line is a command line with one of everything.
type line struct {
	Status struct {
		Host string `arg:"" optional:"" complete:"box" help:"A host."`
		JSON bool   `name:"json" help:"As JSON."`
	} `cmd:"" group:"See" help:"Show hosts."`
	Wait struct {
		Host   []string `arg:"" complete:"host" help:"Hosts."`
		For    string   `enum:"booted,serving" default:"serving" help:"The stage."`
		Socket string   `short:"s" type:"path" help:"A socket." env:"SOCKET"`
	} `cmd:"" group:"See" help:"Wait for hosts."`
	Image struct {
		List  struct{} `cmd:"" default:"1" help:"List images."`
		Build struct {
			Name string   `arg:"" complete:"image" help:"The image."`
			Key  string   `type:"existingfile" help:"It begins with a dot: .key, 'quoted' and \\backslashed."`
			Pack []string `help:"Packages." placeholder:"NAME"`
		} `cmd:"" help:"Build one."`
		Dir string `help:"A folder."`
	} `cmd:"" group:"Act" help:"Images."`
	Box struct {
		Show struct {
			Host string `arg:"" complete:"host" help:"A host."`
		} `cmd:"" default:"withargs" help:"Show it."`
		Lamp struct {
			Host  string `arg:"" complete:"host" help:"A host."`
			State string `arg:"" enum:"on,off" help:"The state."`
		} `cmd:"" help:"Switch its lamp."`
	} `cmd:"" argument:"first" group:"Act" help:"A box."`
	Hidden struct{} `cmd:"" hidden:"" help:"Not shown."`
}

func program(t *testing.T) usage.Program {
	t.Helper()
	k, err := kong.New(&line{}, kong.Name("prog"), kong.Description("A program."))
	if err != nil {
		t.Fatal(err)
	}
	return usage.Program{App: k.Model, Version: "1", Exits: []usage.Exit{
		{Status: 0, Meaning: "Done."}, {Status: 1, Meaning: "Failed."}, {Command: "wait", Status: 3, Meaning: "Timeout."}, {Command: "wait", Status: 1, Meaning: "A host failed."},
	}}
}

func values(kind string) []string {
	return map[string][]string{"host": {"web1", "web2"}, "box": {"web1", "52:54:00:00:00:09"}, "image": {"debian12"}}[kind]
}

func TestComplete(t *testing.T) {
	p := program(t)
	for typed, want := range map[string]string{
		"":                             "status wait image box",
		"w":                            "wait",
		"status ":                      "web1 52:54:00:00:00:09",
		"status w":                     "web1",
		"status web1 ":                 "",
		"status --":                    "--json --help",
		"status --json ":               "web1 52:54:00:00:00:09",
		"wait web1 ":                   "web1 web2",
		"wait --for ":                  "booted serving",
		"wait --for=s":                 "--for=serving",
		"wait --for serving w":         "web1 web2",
		"wait --socket ":               ":files",
		"wait -s ":                     ":files",
		"wait -- --":                   "",
		"wait --nosuch=":               "",
		"image ":                       "list build",
		"image --dir x b":              "build",
		"image build ":                 "debian12",
		"image build --":               "--key --pack --dir --help",
		"image build --key /e":         ":files",
		"image build x --pack a ":      "",
		"box ":                         "show lamp web1 web2",
		"box lamp ":                    "web1 web2",
		"box lamp web1 o":              "on off",
		"box web1 ":                    "show lamp",
		"box web1 lamp ":               "on off",
		"box web1 lamp on ":            "",
		"nosuch ":                      "",
		"hid":                          "",
		"status 'we":                   "web1",
		`status "52:54":`:              "52:54:00:00:00:09",
		`image build\ x `:              "",
		"wait --for serving --for boo": "booted",
	} {
		var b strings.Builder
		// Bash without breaks within words gives whole words.
		if err := usage.Answer(&b, p, []string{"bash", " ", "prog " + typed}, func(kind string, _ []string) []string { return values(kind) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Fields(want), strings.Fields(b.String())); diff != "" && want+b.String() != "" {
			t.Errorf("%q (-want +got):\n%s", typed, diff)
		}
	}
}

// TestAnswer: bash replaces only what stands behind its last break; zsh and fish get meanings.
func TestAnswer(t *testing.T) {
	p := program(t)
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"bash", ":= ", "prog status 52:54"}, "54:00:00:00:09\n"},
		{[]string{"bash", ":= ", "prog wait --for=s"}, "serving\n"},
		{[]string{"zsh", "wa"}, "wait\tWait for hosts.\n"},
		{[]string{"fish", "status", "5"}, "52:54:00:00:00:09\n"},
		{[]string{"fish"}, "status\tShow hosts.\nwait\tWait for hosts.\nimage\tImages.\nbox\tA box.\n"},
		{[]string{"bash", "only two"}, ""},
		{nil, ""},
	} {
		var b strings.Builder
		if err := usage.Answer(&b, p, tc.args, func(kind string, _ []string) []string { return values(kind) }); err != nil {
			t.Fatal(err)
		}
		if b.String() != tc.want {
			t.Errorf("%q: %q, want %q", tc.args, b.String(), tc.want)
		}
	}
}

// TestAnswerPlain: bash puts a name into the line as it is, so none may be a command, a pattern or
// a flag.
func TestAnswerPlain(t *testing.T) {
	p := program(t)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		args := []string{shell, "status", "w"}
		if shell == "bash" {
			args = []string{"bash", " ", "prog status w"}
		}
		var b strings.Builder
		if err := usage.Answer(&b, p, args, func(string, []string) []string {
			return []string{"w1", "w;reboot", "w$(reboot)", "w`reboot`", "w*", "w 2", "w\nx", "w\x1b[2J", "w|sh", "w>x", "wé"}
		}); err != nil {
			t.Fatal(err)
		}
		if b.String() != "w1\nwé\n" {
			t.Errorf("%s: %q", shell, b.String())
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(":= ", "prog wait --for=s")
	f.Add("'\"", `prog image build "x y\ `)
	k, err := kong.New(&line{}, kong.Name("prog"))
	if err != nil {
		f.Fatal(err)
	}
	p := usage.Program{App: k.Model}
	f.Fuzz(func(t *testing.T, breaks, typed string) {
		for _, args := range [][]string{{"bash", breaks, typed}, append([]string{"zsh"}, strings.Split(typed, " ")...)} {
			if err := usage.Answer(&strings.Builder{}, p, args, func(kind string, _ []string) []string { return values(kind) }); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestHelp(t *testing.T) {
	p := program(t)
	for words, want := range map[string][]string{
		"":            {"Usage: prog COMMAND", "See\n  status  Show hosts.\n  wait    Wait for hosts.\n\nAct\n  image   Images.\n"},
		"wait":        {"Usage: prog wait HOST... [FLAGS]\n", "  --for=serving        The stage. One of booted, serving.\n", "  -s, --socket=SOCKET", "($SOCKET)", "  1  A host failed.\n  3  Timeout.\n"},
		"image":       {"Usage: prog image [list|build] [FLAGS]\n", "Without a command it is `prog image list`.", "Commands\n  list   List images.\n"},
		"image build": {"Usage: prog image build NAME [FLAGS]\n", "  --pack=NAME,...  Packages.", "  --dir=DIR", "  1  Failed.\n"},
	} {
		node, err := p.Find(strings.Fields(words))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := p.Help(&b, node); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("help of %q lacks %q:\n%s", words, w, b.String())
			}
		}
		if strings.Contains(b.String(), "Not shown") {
			t.Errorf("help of %q shows a hidden command", words)
		}
	}
	if _, err := p.Find([]string{"image", "biuld"}); err == nil || err.Error() != `there is no command "image biuld": did you mean "build"?` {
		t.Error(err)
	}
}

// TestMistake: an error names arguments as the help does.
func TestMistake(t *testing.T) {
	for words, want := range map[string]string{
		"wait":              "prog: missing: HOST ...\nsee `prog help wait`\n",
		"image build":       "prog: missing: NAME\nsee `prog help image build`\n",
		"wait a --for home": "prog: --for must be one of \"booted\",\"serving\" but got \"home\"\nsee `prog help wait`\n",
		"wiat":              "prog: unexpected argument wiat, did you mean \"wait\"?\nsee `prog help`\n",
	} {
		// A parser keeps what an earlier line has set: each line has one of its own.
		k, err := kong.New(&line{}, kong.Name("prog"))
		if err != nil {
			t.Fatal(err)
		}
		p := usage.Program{App: k.Model}
		if _, err := k.Parse(strings.Fields(words)); err == nil || p.Mistake(err) != want {
			t.Errorf("%s: %q", words, p.Mistake(err))
		}
	}
}

func TestMan(t *testing.T) {
	p, dir := program(t), t.TempDir()
	names, err := p.WriteMan(filepath.Join(dir, "man1"))
	if err != nil {
		t.Fatal(err)
	}
	var base []string
	for _, n := range names {
		base = append(base, filepath.Base(n))
	}
	slices.Sort(base)
	if got := strings.Join(base, " "); got != "prog-box-lamp.1 prog-box-show.1 prog-box.1 prog-image-build.1 prog-image-list.1 prog-image.1 prog-status.1 prog-wait.1 prog.1" {
		t.Error(got)
	}
	node, err := p.Find([]string{"image", "build"})
	if err != nil {
		t.Fatal(err)
	}
	page := p.Man(node)
	for _, want := range []string{".TH \"PROG-IMAGE-BUILD\" 1", `.SH NAME` + "\n" + `prog\-image\-build \- Build one`, `.B \-\-pack=NAME,...`, `\(aqquoted\(aq and \ebackslashed`, `\fBprog\-image\fR(1)`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

// TestScripts: bash reads its script without an error. (zsh and fish: see the e2e tests.)
func TestScripts(t *testing.T) {
	out, err := exec.Command("bash", "-n", "scripts/rackhand.bash").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v %s", err, out)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if usage.Script(shell) == "" {
			t.Errorf("no script of %s", shell)
		}
	}
	if usage.Script("csh") != "" {
		t.Error("a script of csh")
	}
}
