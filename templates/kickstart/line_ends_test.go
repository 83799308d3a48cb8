package kickstart

import (
	"strings"
	"testing"
)

// TestLineEndsOfScripts: a shell's script whose lines end with CR LF is warned of, for
// every release; nothing else in a file minds them.
func TestLineEndsOfScripts(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"%post\r\nif x\r\nfi\r\n%end\r\n", "ks:2:5: warning: %post: this line and 1 more end with CR LF"},
		{"%pre\necho\nif x\r\nfi\n%end\n", "ks:3:5: warning: %pre: this line ends with CR LF"},
		{"%post --interpreter=/bin/bash\n\r\n%end\n", "ks:2:1: warning: %post: this line ends with CR LF"},
		{"%onerror --interpreter /usr/bin/zsh --log=/x\r\ngrün\r\n%end\n", "ks:2:5: warning: %onerror: this line ends"},
		{"%post --interpreter=/usr/bin/python3\r\nprint()\r\n%end\r\n", ""},
		{"%post\r\necho\n%end\r\n", ""},
		{"%post\necho a\rb\n%end\n", ""},
		{"%packages\r\n@core\r\n-vim\r\n%end\r\n", ""},
		{"%addon x\r\na = b\r\n%end\r\n%anaconda\r\npwpolicy\r\n%end\r\n", ""},
		{"rootpw --lock\r\nkeyboard 'us'\r\nuser --name=a#b\r\n", ""},
	} {
		for _, r := range Releases() {
			problems, err := checkText(c.text, r)
			if err != nil {
				t.Fatal(err)
			}
			if got := list(problems); !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("%s: %q:\n got %s\nwant %s", r, c.text, got, c.want)
			}
		}
	}
}
