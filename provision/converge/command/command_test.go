package command

import (
	"strings"
	"testing"
)

// TestSession: a program is in a session of its own, so that it has no terminal. A program of
// an ordinary user could otherwise type into root's (ioctl_tty(2), TIOCSTI).
func TestSession(t *testing.T) {
	out, err := Exec{}.Run(t.Context(), nil, "/bin/sh", "-c", "echo $$; sed 's/.*) //' /proc/$$/stat")
	if err != nil || out.Code != 0 {
		t.Fatal(err, out)
	}
	f := strings.Fields(out.Stdout) // its number, then state, parent, group, session, terminal
	if len(f) < 6 || f[3] != f[0] || f[4] != f[0] || f[5] != "0" {
		t.Errorf("%.60q", f)
	}
}
