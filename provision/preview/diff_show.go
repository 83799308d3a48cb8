package preview

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Write writes a comparison for people: the hosts whose answers change, a unified diff for
// each distinct change with its hosts, then the settings.
func (c *Comparison) Write(w io.Writer) error {
	var b bytes.Buffer
	switch len(c.Altered) {
	case 0:
		if c.Any() {
			b.WriteString("this change alters no present host's answers\n")
		} else {
			b.WriteString("no change\n")
		}
	case 1:
		fmt.Fprintf(&b, "this change alters 1 host's answers: %s\n", c.Altered[0])
	default:
		fmt.Fprintf(&b, "this change alters %d hosts' answers: %s\n", len(c.Altered), Ranges(c.Altered))
	}
	for _, a := range c.Answers {
		fmt.Fprintf(&b, "\n%s of %s", a.Answer, hosts(a.Hosts))
		if len(a.Hosts) > 1 {
			fmt.Fprintf(&b, ", shown for %s", a.Hosts[0])
		}
		b.WriteString(":\n")
		b.WriteString(a.Diff)
	}
	if len(c.Settings) > 0 {
		b.WriteString("\nsettings:\n")
	}
	for _, s := range c.Settings {
		what := "network " + s.Network
		if s.Network == "" {
			what = hosts(s.Hosts)
		}
		if len(s.Lines) == 1 {
			fmt.Fprintf(&b, "  %s: %s\n", what, s.Lines[0])
			continue
		}
		fmt.Fprintf(&b, "  %s:\n    %s\n", what, strings.Join(s.Lines, "\n    "))
	}
	if len(c.Added)+len(c.Removed) > 0 {
		b.WriteString("\n")
	}
	for _, part := range []struct {
		what  string
		names []string
	}{{"added", c.Added}, {"removed", c.Removed}} {
		if len(part.names) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", part.what, hosts(part.names))
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// hosts names some, with their number when there are many.
func hosts(names []string) string {
	if len(names) < 3 {
		return Ranges(names)
	}
	return fmt.Sprintf("%s (%d hosts)", Ranges(names), len(names))
}
