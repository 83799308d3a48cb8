package show_test

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"

	"rackhand/provision"
	"rackhand/provision/terminal"
	"rackhand/provision/web/show"
)

var colours = regexp.MustCompile(`\x1b\[[0-9]*m`)

// TestEventOnTerminal: a terminal has every word of an event within its width, and a failure
// in red; a file has the event as one line.
func TestEventOnTerminal(t *testing.T) {
	e := provision.Event{Time: at(1), Host: "web1", Source: "dhcp", Level: provision.LevelError, Message: strings.Repeat("many words of an event ", 12) + "`rackhand set hosts.web1.mac 52:54:00:00:00:99`"}
	control, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close()
	if err := pty.Setsize(control, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	screen := make(chan string)
	go func() {
		b, _ := io.ReadAll(control) // ends with EIO once the other end is closed
		screen <- string(b)
	}()
	if err := show.Event(terminal.New(tty, func(string) string { return "" }), e); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	text := strings.ReplaceAll(<-screen, "\r", "")
	if !strings.HasPrefix(text, "\x1b[31m") {
		t.Errorf("no red: %q", text)
	}
	text = colours.ReplaceAllString(text, "")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, l := range lines {
		if n := utf8.RuneCountInString(l); n > 80 {
			t.Errorf("%d columns: %s", n, l)
		}
	}
	if len(lines) < 4 || !strings.HasSuffix(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(e.Message), " ")) || !strings.Contains(text, "`rackhand set hosts.web1.mac 52:54:00:00:00:99`") {
		t.Errorf("words are missing:\n%s", text)
	}
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := show.Event(terminal.New(f, os.Getenv), e); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil || strings.Count(string(b), "\n") != 1 || strings.Contains(string(b), "\x1b") {
		t.Errorf("%v %q", err, b)
	}
}
