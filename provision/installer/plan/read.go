package plan

import (
	"errors"
	"fmt"
	"strings"

	"rackhand/provision/installer/netconf"
	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

// command reads one command, which the engine's table has checked.
func (r *Recipe) command(c *kickstart.Command, verb engine.Verb, a kickstart.Args) error {
	arg := ""
	if len(a.Positionals) > 0 {
		arg = a.Positionals[0].Text
	}
	switch verb {
	case engine.NoOp, engine.Firewall, engine.SELinux, engine.Lang, engine.Keyboard,
		engine.Services, engine.SSHKey, engine.Group:
		r.Config = append(r.Config, r.configSteps(verb, a, arg)...)
	case engine.Timezone:
		r.readTime(a)
		if arg != "" || a.Has("--utc") || a.Has("--isUtc") { // otherwise it is about time sources alone
			r.Config = append(r.Config, r.configSteps(verb, a, arg)...)
		}
	case engine.TimeSource:
		r.readTime(a)
	case engine.Logging:
		r.LogHost, r.LogPort = a.Value("--host"), a.Value("--port")
	case engine.Repo:
		r.Repos = append(r.Repos, Repo{Name: a.Value("--name"), URL: a.Value("--baseurl"), Keep: a.Has("--install")})
	case engine.Bootloader:
		r.boot.Append, r.boot.Drive = a.Value("--append"), a.Value("--boot-drive")
		if o, ok := a.Option("--timeout"); ok {
			r.boot.Timeout = kickstart.Count(o.Value)
		}
	case engine.ClearPart:
		if a.Has("--drives") { // a later line without --drives keeps them, as with Anaconda
			r.clearDrives = a.List("--drives")
		}
	case engine.End:
		r.End = c.Name
	case engine.IgnoreDisk:
		if a.Has("--only-use") {
			r.onlyUse = a.List("--only-use")
		}
		if a.Has("--drives") {
			r.ignored = a.List("--drives")
		}
	case engine.LiveImg:
		r.image = ImageStep{URL: a.Value("--url"), SHA256: strings.ToLower(a.Value("--checksum"))}
	case engine.Network:
		r.Networks = append(r.Networks, netconf.Read(a))
	case engine.RootPW:
		steps, err := r.password("root", arg, a)
		r.Config = append(r.Config, steps...)
		if a.Has("--allow-ssh") { // sshd_config(5): the first value counts, and drop-ins come first
			r.Config = append(r.Config, FileStep{Path: "/etc/ssh/sshd_config.d/01-permitrootlogin.conf", Mode: 0o600, Text: netconf.Header + "PermitRootLogin yes\n"})
		}
		return err
	case engine.User:
		r.Config = append(r.Config, readUser(a))
		steps, err := r.password(a.Value("--name"), a.Value("--password"), a)
		r.Config = append(r.Config, steps...)
		return err
	default:
		if r.storage.command(c, verb, a, arg) {
			return nil
		}
		return fmt.Errorf("the engine's table has verb %d and the installer doesn't: this is a defect in rackhand", verb)
	}
	return nil
}

// password sets or locks a user's password. It goes to the standard input of chpasswd, never
// on a command line.
func (r *Recipe) password(user, word string, a kickstart.Args) ([]Step, error) {
	if strings.ContainsAny(word, "\r\n") || strings.Contains(user, ":") {
		return nil, errors.New("a password can't have line ends in it")
	}
	var out []Step
	if word != "" {
		r.Secrets = append(r.Secrets, word)
		argv := []string{"chpasswd"}
		if crypted(a) {
			argv = append(argv, "-e")
			if strings.Contains(word, ":") {
				return nil, errors.New("a password hash has no colon")
			}
		}
		out = append(out, ChrootStep{Argv: argv, Input: user + ":" + word + "\n", What: "password of " + user})
	}
	if a.Has("--lock") {
		out = append(out, ChrootStep{Argv: []string{"usermod", "-L", user}, What: "password of " + user + " locked"})
	}
	return out, nil
}

// crypted reports whether a password is a hash. The last of --iscrypted and --plaintext
// counts.
func crypted(a kickstart.Args) bool {
	is := false
	for _, o := range a.Options {
		switch o.Name() {
		case "--iscrypted":
			is = true
		case "--plaintext":
			is = false
		}
	}
	return is
}

// configSteps are the steps of the commands that set one thing each.
func (r *Recipe) configSteps(verb engine.Verb, a kickstart.Args, arg string) []Step {
	switch verb {
	case engine.Group:
		return []Step{GroupStep{Name: a.Value("--name"), GID: a.Value("--gid")}}
	case engine.SSHKey:
		return []Step{SSHKeyStep{User: a.Value("--username"), Key: arg}}
	case engine.Services:
		var out []Step
		for _, s := range []struct{ flag, verb string }{{"--disabled", "disable"}, {"--enabled", "enable"}} {
			if list := a.List(s.flag); len(list) > 0 {
				out = append(out, r.services(s.verb, list)...)
			}
		}
		return out
	case engine.Firewall:
		return readFirewall(a, r.skip)
	case engine.SELinux:
		mode := "disabled"
		for _, o := range a.Options {
			mode = strings.TrimPrefix(o.Name(), "--") // the last one counts
		}
		return []Step{SELinuxStep{Mode: mode, Skip: r.skip}}
	case engine.Timezone:
		return []Step{TimezoneStep{Zone: arg, UTC: a.Has("--utc") || a.Has("--isUtc")}}
	case engine.Lang:
		return []Step{LocaleStep{Lang: arg, More: a.List("--addsupport")}}
	case engine.Keyboard:
		return keyboardFiles(a, arg)
	}
	return nil
}

// services enables or disables units. With Skip the system may lack them, because the names
// are often those of another distribution.
func (r *Recipe) services(verb string, units []string) []Step {
	var out []Step
	for _, u := range units {
		out = append(out, ServiceStep{Verb: verb, Unit: u, Skip: r.skip})
	}
	return out
}

// keyboardFiles set the console's keymap (vconsole.conf(5)) and the X layout that
// Debian's console-setup uses too (keyboard(5)).
func keyboardFiles(a kickstart.Args, arg string) []Step {
	keymap := a.Value("--vckeymap")
	layouts := a.List("--xlayouts")
	if keymap == "" {
		keymap = arg
	}
	if len(layouts) == 0 && arg != "" {
		layouts = []string{arg}
	}
	var out []Step
	if keymap != "" {
		out = append(out, FileStep{Path: "/etc/vconsole.conf", Mode: 0o644, Text: "KEYMAP=" + shellQuote(keymap) + "\n"})
	}
	if len(layouts) > 0 {
		var names, variants []string
		for _, l := range layouts { // "cz (qwerty)" is layout cz, variant qwerty
			name, variant, _ := strings.Cut(l, " ")
			names = append(names, name)
			variants = append(variants, strings.Trim(variant, "() "))
		}
		out = append(out, FileStep{Path: "/etc/default/keyboard", Mode: 0o644, Text: fmt.Sprintf(
			"XKBMODEL=pc105\nXKBLAYOUT=%s\nXKBVARIANT=%s\nXKBOPTIONS=%s\n",
			shellQuote(strings.Join(names, ",")), shellQuote(strings.Join(variants, ",")), xkbOptions(a.List("--switch")))})
	}
	return out
}

// xkbOptions are the keys that switch layouts, "" for none.
func xkbOptions(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return shellQuote(strings.Join(list, ","))
}

// shellQuote quotes a word for a shell and for systemd's environment files.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
