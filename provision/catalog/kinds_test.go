package catalog

import (
	"encoding/json"
	"strings"
	"testing"
)

const someHash = "$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g."

// TestKinds: names and values that become arguments of programs that run as root, or lines
// of files.
func TestKinds(t *testing.T) {
	text := func(s string) *string { return &s }
	big, yes, no := 1<<32-1, true, false
	for name, tc := range map[string]struct {
		of   Resource
		want string // part of the error; "" for none
	}{
		"user":               {Resource{User: &User{Name: "www-data", Ensure: Present, Groups: []string{}, Expiry: "2027-01-31", Password: someHash}}, ""},
		"yescrypt":           {Resource{User: &User{Name: "a", Ensure: Present, Password: "$y$j9T$salt.x$abcdefghijk/."}}, ""},
		"option as user":     {Resource{User: &User{Name: "-r", Ensure: Present}}, "not a valid user name"},
		"colon in user":      {Resource{User: &User{Name: "a:b", Ensure: Present}}, "not a valid user name"},
		"long user":          {Resource{User: &User{Name: strings.Repeat("a", 33), Ensure: Present}}, "not a valid user name"},
		"no root":            {Resource{User: &User{Name: "root", Ensure: Absent}}, "can't be absent"},
		"uid":                {Resource{User: &User{Name: "a", Ensure: Present, UID: &big}}, "uid is"},
		"group list":         {Resource{User: &User{Name: "a", Ensure: Present, Groups: []string{"a,b"}}}, "not a valid group name"},
		"colon in comment":   {Resource{User: &User{Name: "a", Ensure: Present, Comment: text("x:0:0")}}, "a comment"},
		"line in comment":    {Resource{User: &User{Name: "a", Ensure: Present, Comment: text("x\nroot2::0:0::/:")}}, "a comment"},
		"relative home":      {Resource{User: &User{Name: "a", Ensure: Present, Home: "home"}}, "home is"},
		"colon in shell":     {Resource{User: &User{Name: "a", Ensure: Present, Shell: "/bin/sh:"}}, "shell is"},
		"plain password":     {Resource{User: &User{Name: "a", Ensure: Present, Password: "hunter2"}}, "crypt(5)"},
		"DES":                {Resource{User: &User{Name: "a", Ensure: Present, Password: "ab01FAX.bQRSU"}}, "crypt(5)"},
		"line in password":   {Resource{User: &User{Name: "a", Ensure: Present, Password: someHash + "\nroot:x"}}, "crypt(5)"},
		"expiry":             {Resource{User: &User{Name: "a", Ensure: Present, Expiry: "31.01.2027"}}, "expiry is"},
		"exec":               {Resource{Exec: &Exec{Name: "apply (twice)", Command: []string{"x", ""}}}, ""},
		"no command":         {Resource{Exec: &Exec{Name: "a"}}, "command is empty"},
		"option as command":  {Resource{Exec: &Exec{Name: "a", Command: []string{"--x"}}}, "not a program"},
		"empty unless":       {Resource{Exec: &Exec{Name: "a", Command: []string{"x"}, Unless: []string{}}}, "unless is empty"},
		"zero byte":          {Resource{Exec: &Exec{Name: "a", Command: []string{"x", "a\x00b"}}}, "a program and its arguments"},
		"environment":        {Resource{Exec: &Exec{Name: "a", Command: []string{"x"}, Environment: []string{"A B=1"}}}, "NAME=VALUE"},
		"exit":               {Resource{Exec: &Exec{Name: "a", Command: []string{"x"}, Exit: []int{256}}}, "exit has 256"},
		"umask":              {Resource{Exec: &Exec{Name: "a", Command: []string{"x"}, Umask: "1777"}}, "umask is"},
		"line in exec":       {Resource{Exec: &Exec{Name: "a\nb", Command: []string{"x"}}}, "not a valid name"},
		"timer":              {Resource{Timer: &Timer{Name: "backup", Ensure: Present, Command: []string{"/bin/x"}, Schedule: []string{"Mon..Fri *-*-* 03:00:00 Europe/Berlin"}}}, ""},
		"timer with suffix":  {Resource{Timer: &Timer{Name: "backup.timer", Ensure: Present}}, "suffix"},
		"timer without time": {Resource{Timer: &Timer{Name: "backup", Ensure: Present, Command: []string{"/bin/x"}}}, "it never starts"},
		"cron's form":        {Resource{Timer: &Timer{Name: "backup", Ensure: Present, Command: []string{"/bin/x"}, Schedule: []string{"30 4 * * *"}}}, "cron's form"},
		"line in schedule":   {Resource{Timer: &Timer{Name: "backup", Ensure: Present, Command: []string{"/bin/x"}, Schedule: []string{"daily\n[Service]"}}}, "schedule is"},
		"line in timer":      {Resource{Timer: &Timer{Name: "backup", Ensure: Present, Command: []string{"/bin/x"}, Schedule: []string{"daily"}, Description: "a\nb"}}, "a description"},
		"masked and running": {Resource{Service: &Service{Name: "a", Masked: &yes, Running: &yes}}, "masked"},
		"agent stopped":      {Resource{Service: &Service{Name: "rackhand-agent", Running: &no}}, "can't stop"},
		"agent disabled":     {Resource{Service: &Service{Name: "rackhand-agent.service", Enabled: &no}}, "can't stop"},
		"agent masked":       {Resource{Service: &Service{Name: "rackhand-agent", Masked: &yes}}, "can't stop"},
		"agent's drop-in":    {Resource{Service: &Service{Name: "rackhand-agent", DropIn: text("[Service]"), Running: &yes, Enabled: &yes, Masked: &no}}, ""},
		"agent's timer":      {Resource{Timer: &Timer{Name: "rackhand-agent", Ensure: Absent}}, "the agent's own service"},
		"drop-in":            {Resource{Service: &Service{Name: "a", DropIn: text("a\x00")}}, "drop_in"},
	} {
		kind, s := tc.of.Kind()
		tc.of.ID = ID(kind, s.Title())
		err := tc.of.Validate()
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error tells the secret: %v", name, err)
		}
	}
}

// TestByHashWithoutSecrets: a password's hash stands in catalogs of the first format alone,
// and the version depends on neither.
func TestByHashWithoutSecrets(t *testing.T) {
	of := func(hash string) string {
		c := Catalog{Host: "web1", Resources: []Resource{{ID: "user[a]", User: &User{Name: "a", Ensure: Present, Password: hash}}}}
		second, err := c.ByHash()
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(second)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "salt") || !second.Resources[0].HasSecret || c.Resources[0].User.Password != hash {
			t.Errorf("%s of %+v", b, c.Resources[0])
		}
		read, err := Decode(b)
		if err != nil || read.Resources[0].Problem != "" || read.Validate() != nil {
			t.Errorf("%s: %+v %v", b, read, err)
		}
		with := read.Resources[0].WithSecret(hash)
		if with.Secret() != hash || with.HasSecret || read.Resources[0].Secret() != "" {
			t.Errorf("%+v", with)
		}
		return second.Version
	}
	if of(someHash) != of(strings.Replace(someHash, "I", "J", 1)) {
		t.Error("the version tells one hash from another")
	}
	none := Resource{ID: "user[a]", User: &User{Name: "a", Ensure: Present}}
	if r := none.WithSecret(""); r.HasSecret {
		t.Error("a user without a password has a secret")
	}
}
