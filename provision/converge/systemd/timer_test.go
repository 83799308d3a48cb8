package systemd

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/catalog"
)

func TestTimerFiles(t *testing.T) {
	head := "# Managed by rackhand: timer[x]. Changes are undone.\n[Unit]\nDescription="
	for name, tc := range map[string]struct {
		timer          catalog.Timer
		service, units string // after Description=
	}{
		"all": {
			catalog.Timer{
				Description: "5 % more", Command: []string{"/bin/echo", "a b", "$HOME %h", `"\`, "ü\n"}, Schedule: []string{"daily", "Mon 03:00"},
				Every: 60, Boot: 30, RandomDelay: 5, Persistent: true, User: "www", Environment: []string{"A=$b %c"},
			},
			"5 %% more\n\n[Service]\nType=oneshot\nUser=www\nEnvironment=\"A=$b %%c\"\nExecStart=/bin/echo \"a b\" \"$$HOME %%h\" \"\\\"\\\\\" \"ü\\x0a\"\n",
			"5 %% more\n\n[Timer]\nOnCalendar=daily\nOnCalendar=Mon 03:00\nOnBootSec=30\nOnUnitActiveSec=60\nRandomizedDelaySec=5\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n",
		},
		"every": {
			catalog.Timer{Command: []string{"true"}, Every: 60},
			"x\n\n[Service]\nType=oneshot\nExecStart=true\n",
			"x\n\n[Timer]\nOnUnitActiveSec=60\nOnActiveSec=60\n\n[Install]\nWantedBy=timers.target\n",
		},
	} {
		tc.timer.Name, tc.timer.Ensure = "x", catalog.Present
		files := TimerFiles(&tc.timer)
		if diff := cmp.Diff(head+tc.service, files[0].Content); diff != "" {
			t.Errorf("%s, service (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(head+tc.units, files[1].Content); diff != "" {
			t.Errorf("%s, timer (-want +got):\n%s", name, diff)
		}
	}
}

func TestDropIn(t *testing.T) {
	for name, want := range map[string]string{
		"web": "web.service.d", "web.socket": "web.socket.d", "web@1": "web@1.service.d", "a.b": "a.b.service.d", "a.service": "a.service.d",
	} {
		text := "[Service]\nNice=5"
		f := DropIn(&catalog.Service{Name: name, DropIn: &text})
		if want := catalog.UnitFolder + "/" + want + "/rackhand.conf"; f.Path != want || !strings.HasSuffix(f.Content, "\n[Service]\nNice=5\n") {
			t.Errorf("%s: %+v, want %s", name, f, want)
		}
		text = ""
		if f := DropIn(&catalog.Service{Name: name, DropIn: &text}); f.Ensure != catalog.Absent || f.Content != "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := DropIn(&catalog.Service{Name: "web"}); f != nil {
		t.Errorf("%+v", f)
	}
}

// FuzzQuote: a word of a unit file stays one word in one line, and reads back as it was.
func FuzzQuote(f *testing.F) {
	f.Add("a b\n[Service]\nExecStart=/bin/evil", true)
	f.Add(`\x0a"$${}%%`, false)
	f.Fuzz(func(t *testing.T, word string, command bool) {
		if !utf8.ValidString(word) {
			return
		}
		got := quote(word, command)
		if strings.ContainsAny(got, "\n\r\x00") {
			t.Fatalf("%q has several lines", got)
		}
		back, err := strconv.Unquote(got) // systemd's escapes are those of Go, but for bytes above 127, which stand as they are
		if err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		back = strings.ReplaceAll(back, "%%", "%")
		if command {
			back = strings.ReplaceAll(back, "$$", "$")
		}
		if back != word {
			t.Errorf("%q becomes %q, which reads %q", word, got, back)
		}
	})
}
