package catalog

import (
	"encoding/base64"
	"strings"
	"testing"
)

// blob is a public key of some parts, in base64.
func blob(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = append(append(b, 0, 0, byte(len(p)>>8), byte(len(p))), p...)
	}
	return base64.StdEncoding.EncodeToString(b)
}

func TestCheckKey(t *testing.T) {
	point := strings.Repeat("p", 32)
	good := blob("ssh-ed25519", point)
	for _, tt := range []struct{ key, wrong string }{
		{"ssh-ed25519 " + good, ""},
		{"ssh-rsa " + blob("ssh-rsa", "e", "n"), ""},
		{"ecdsa-sha2-nistp384 " + blob("ecdsa-sha2-nistp384", "nistp384", "p"), ""},
		{"sk-ssh-ed25519@openssh.com " + blob("sk-ssh-ed25519@openssh.com", point, "ssh:"), ""},
		{"sk-ecdsa-sha2-nistp256@openssh.com " + blob("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", "p", "ssh:"), ""},
		{"ssh-rsa " + good, `it is "ssh-ed25519", and not ssh-rsa`},
		{"ssh-ed25519 " + good[:len(good)-4], "cut off"},
		{"ssh-ed25519 " + good[:len(good)-3], "not base64"},
		{"ssh-ed25519 " + blob("ssh-ed25519", "short"), "size of parts"},
		{"ssh-ed25519 " + blob("ssh-ed25519", point, "more"), "number or size"},
		{"ssh-rsa " + blob("ssh-rsa", "e", ""), "size of parts"},
		{"ssh-ed25519", "says that it is nothing"},
		{"ssh-ed25519 " + good + "\nssh-rsa x", "not base64"},
		{"ssh-dss " + good, "no ssh-dss keys"},
		{"ssh-ed25519-cert-v01@openssh.com " + good, "cert-authority"},
		{"no-pty ssh-ed25519 " + good, "Options go into options"},
		{"", "write the type"},
	} {
		is(t, tt.key, CheckKey(tt.key), tt.wrong)
	}
	for option, wrong := range map[string]string{
		"no-pty": "", `from="10.0.0.0/8,!10.1.1.1"`: "", `command="a \"b\" c"`: "", `environment="A=b"`: "",
		"from=10.0.0.0/8": "write an option", `command="a`: "write an option", "no-pty,no-X11": "write an option", "a\nb": "write an option", `command="a" b"`: "write an option", "": "write an option",
	} {
		is(t, option, CheckKeyOption(option), wrong)
	}
}

func is(t *testing.T, what string, err error, wrong string) {
	t.Helper()
	if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
		t.Errorf("%q: %v, want %q", what, err, wrong)
	}
}

func TestCron(t *testing.T) {
	good := Cron{Name: "backup-1", Ensure: Present, User: "root", Schedule: "@daily", Command: `date +%F; date +\%F "50%"`, Environment: []string{"A=b", "B= c", `C="d"`, `D='e`, "E="}}
	want := "# Written by rackhand: cron[backup-1]\nA=b\nB=\" c\"\nC='\"d\"'\nD=\"'e\"\nE=\"\"\n@daily root date +\\%F; date +\\%F \"50\\%\"\n"
	if got := good.Text(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	is(t, "good", good.validate(), "")
	for wrong, change := range map[string]func(*Cron){
		"cron ignores files":   func(c *Cron) { c.Name = "a.b" },
		"valid user name":      func(c *Cron) { c.User = "a b" },
		"one line":             func(c *Cron) { c.Command = "a\nb" },
		"begins and ends":      func(c *Cron) { c.Command = " a" },
		"990":                  func(c *Cron) { c.Command = strings.Repeat("%", 500) },
		"NAME=value":           func(c *Cron) { c.Environment = []string{"A B=c"} },
		"of A has to be":       func(c *Cron) { c.Environment = []string{"A=b\n* * * * * root evil"} },
		"both kinds of quotes": func(c *Cron) { c.Environment = []string{`A=" 'b`} },
		"five fields":          func(c *Cron) { c.Schedule = "" },
		"no other fields":      func(c *Cron) { c.Ensure = Absent },
		"present or absent":    func(c *Cron) { c.Ensure = "" },
	} {
		c := good
		change(&c)
		is(t, wrong, c.validate(), wrong)
	}
}

func TestSudoers(t *testing.T) {
	for _, tt := range []struct {
		in          Sudoers
		text, wrong string
	}{
		{Sudoers{User: "deploy", Commands: []string{"ALL"}}, "deploy ALL=(root) ALL\n", ""},
		{
			Sudoers{Group: "admin", Commands: []string{"/bin/a b,c:d=e", `/bin/f g\:h`, "!/bin/su", "sudoedit /etc/hosts", "WEB"}, NoPasswd: true, RunAs: "www-data:adm", Hosts: []string{"web1", "10.0.0.0/8"}},
			`%admin web1,10.0.0.0/8=(www-data:adm) NOPASSWD: /bin/a b\,c\:d\=e, /bin/f g\:h, !/bin/su, sudoedit /etc/hosts, WEB` + "\n", "",
		},
		{Sudoers{Content: "Defaults env_reset"}, "Defaults env_reset\n", ""},
		{Sudoers{Name: "a.b", User: "a", Commands: []string{"ALL"}}, "", "sudo ignores files with a dot"},
		{Sudoers{Name: "a~", User: "a", Commands: []string{"ALL"}}, "", "sudo ignores files"},
		{Sudoers{User: "a", Group: "b", Commands: []string{"ALL"}}, "", "for a user or for a group"},
		{Sudoers{User: "a"}, "", "commands is missing"},
		{Sudoers{Content: "x", User: "a"}, "", "excludes the fields"},
		{Sudoers{User: "a b", Commands: []string{"ALL"}}, "", "valid name of a user"},
		{Sudoers{User: "a", RunAs: "x)", Commands: []string{"ALL"}}, "", "USER:GROUP"},
		{Sudoers{User: "a", Hosts: []string{"a=b"}, Commands: []string{"ALL"}}, "", "a name, an address or ALL"},
		{Sudoers{User: "a", Commands: []string{"id"}}, "", "absolute path"},
		{Sudoers{User: "a", Commands: []string{"/bin/id\nb ALL=ALL"}}, "", "one line"},
		{Sudoers{User: "a", Commands: []string{"/bin/id (x)"}}, "", "brackets"},
		{Sudoers{Ensure: Absent, NoPasswd: true}, "", "no other fields"},
	} {
		s := tt.in
		if s.Name == "" {
			s.Name = "x"
		}
		if s.Ensure == "" {
			s.Ensure = Present
		}
		err := s.validate()
		is(t, tt.text, err, tt.wrong)
		if got := strings.TrimPrefix(s.Text(), "# Written by rackhand: sudoers[x]\n"); err == nil && got != tt.text {
			t.Errorf("got  %swant %s", got, tt.text)
		}
	}
}

// FuzzTexts: a rule, and a job, that are valid stay on their lines.
func FuzzTexts(f *testing.F) {
	f.Add("x", "/bin/id a=b", "10 * * * *", "A=b c")
	f.Add("x", "date +%F", "@daily", "A='")
	f.Fuzz(func(t *testing.T, name, command, schedule, setting string) {
		s := Sudoers{Name: name, Ensure: Present, User: "deploy", Commands: []string{command}, Hosts: []string{setting}}
		if s.validate() == nil && strings.Count(s.Text(), "\n") != 2 {
			t.Errorf("%q", s.Text())
		}
		c := Cron{Name: name, Ensure: Present, User: "deploy", Schedule: schedule, Command: command, Environment: []string{setting}}
		if text := c.Text(); c.validate() == nil && (strings.Count(text, "\n") != 3 || strings.Count(text, "%") != strings.Count(text, `\%`)+strings.Count(setting, "%")-strings.Count(setting, `\%`)) {
			t.Errorf("%q", text)
		}
	})
}

// A backslash that is escaped itself doesn't escape what is behind it: a command would end
// there, and another one would be allowed.
func TestEscaped(t *testing.T) {
	for text, want := range map[string]string{
		`/bin/echo a,b`:         `/bin/echo a\,b`,
		`/bin/echo a\,b`:        `/bin/echo a\,b`,
		`/bin/echo \\, /bin/sh`: `/bin/echo \\\, /bin/sh`,
		`/bin/echo \\\,`:        `/bin/echo \\\,`,
		`,`:                     `\,`,
	} {
		if got := escapeSudo(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if got := escapePercent(`printf '\\%s'`); got != `printf '\\\%s'` {
		t.Error(got)
	}
}
