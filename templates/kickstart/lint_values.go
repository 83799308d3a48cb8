package kickstart

import (
	"regexp"
	"strings"
)

// cryptForm is the form of a crypt(3) hash, of old and new systems.
var cryptForm = regexp.MustCompile(`^(\$(1|2[abxy]?|5|6|y|gy|7|sha1)\$.+|[./0-9A-Za-z]{13}|_[./0-9A-Za-z]{19}|[!*].*)$`)

// lintHash warns of a value that is called a hash and can't be one, and of a plain-text
// password. The warning never shows either.
func (l *line) lintHash() {
	c, args := l.c, l.args
	var at Pos
	var value string
	switch {
	case c.Name == "user":
		o, ok := args.Option("--password")
		if !ok || o.Value == "" {
			return
		}
		at, value = o.ValuePos, o.Value
	case len(args.Positionals) == 0 || args.Has("--lock") || args.Has("--sshkey"):
		return
	default:
		at, value = args.Positionals[0].Pos, args.Positionals[0].Text
	}
	crypted := false
	for _, o := range args.Options { // the last of the two options counts
		if f := o.Name(); f == "--iscrypted" || f == "--plaintext" {
			crypted = f == "--iscrypted"
		}
	}
	switch {
	case crypted && !cryptForm.MatchString(value):
		l.ps.Warnf(at, "make one with mkpasswd, and quote it: an unquoted # starts a comment", "%s: --iscrypted, but the value is not a crypt(3) hash", c.Name)
	case !crypted && cryptForm.MatchString(value) && strings.HasPrefix(value, "$"):
		l.ps.Warnf(at, "add --iscrypted", "%s: this looks like a hash, and would be taken for the password itself", c.Name)
	}
}

// lintNetwork warns of malformed addresses.
func (l *line) lintNetwork() {
	args := l.args
	if args.Value("--bootproto") == "static" && (args.Value("--ip") == "" || args.Value("--netmask") == "") {
		l.ps.Warnf(l.c.Pos, "add them", "network: --bootproto=static needs --ip and --netmask")
	}
	for _, n := range []struct {
		flag string
		kind Kind
	}{{"--ip", KindIPv4}, {"--gateway", KindIPv4}, {"--netmask", KindNetmask}, {"--nameserver", KindIPs}} {
		if o, ok := args.Option(n.flag); ok && o.Value != "" {
			if want := n.kind.Check(o.Value); want != "" {
				l.ps.Warnf(o.ValuePos, "write "+want, "network: %s can't be %q", n.flag, Clip(o.Value))
			}
		}
	}
	if o, ok := args.Option("--vlanid"); ok {
		if id, number := parseInt(o.Value); !number || id < 1 || id > 4094 {
			l.ps.Warnf(o.ValuePos, "from 1 to 4094", "network: --vlanid can't be %q", Clip(o.Value))
		}
	}
}
