package preview

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/catalog"
	"rackhand/templates"
	"rackhand/templates/kickstart"
)

// wants are the needs of a host's install beyond the inventory's files.
type wants struct {
	host    *inventory.Host
	secrets []string // names, sorted
	// packages: its role installs some.
	packages bool
}

// noted looks secrets up as stand-ins, and notes their names.
func noted(names map[string]bool) func(string) (string, error) {
	return func(name string) (string, error) {
		names[name] = true
		return templates.StandInSecret(name)
	}
}

// wantsOf collects the needs that were noted for a host.
func wantsOf(h *inventory.Host, secrets map[string]bool, compiled *role.Compiled) wants {
	if h.Install == inventory.Never {
		secrets, compiled = map[string]bool{}, nil // nothing is rendered for it
	}
	if h.BMC != nil && h.BMC.Password != "" {
		secrets[string(h.BMC.Password)] = true
	}
	w := wants{host: h, secrets: slices.Sorted(maps.Keys(secrets))}
	if compiled != nil {
		for _, r := range compiled.Catalog.Resources {
			w.packages = w.packages || r.Package != nil && !r.Package.Gone()
		}
	}
	return w
}

// neverInstalled warns of a host without a system, unless it has `install: never`.
func neverInstalled(h *inventory.Host) []finding {
	if h.System != nil || h.Install == inventory.Never {
		return nil
	}
	return warned(h, "it has no system: it gets its address, and is never installed",
		"give it, its group or the defaults a `system:`; `install: never` says that it is meant so")
}

// lockedOut warns of a host into which no user can log in after the install.
func lockedOut(h *inventory.Host, text string, compiled *role.Compiled) []finding {
	if text == "" || h.Install == inventory.Never || mayLogIn(text, h.System.Installer == inventory.InstallerImage) {
		return nil
	}
	if compiled != nil && slices.ContainsFunc(compiled.Catalog.Resources, func(r catalog.Resource) bool {
		return r.File != nil && (strings.Contains(r.File.Path, "authorized_keys") || r.File.Path == "/etc/shadow")
	}) {
		return nil
	}
	return warned(h, "no user can log in after the install: its Kickstart sets no password or key",
		"set the variable ssh_keys or root_password, or write sshkey or user into the template")
}

// withoutAgent warns of a host with a role whose Kickstart brings no agent.
func withoutAgent(h *inventory.Host, text string) []finding {
	if text == "" || len(h.Roles) == 0 || h.Install == inventory.Never || strings.Contains(text, "rackhand-agent") || strings.Contains(text, "%include") {
		return nil
	}
	return warned(h, "its Kickstart brings no agent: its role is never carried out, and it never serves",
		"write {{ template \"agent.ks\" . }} at the template's end")
}

// mayLogIn reports whether a Kickstart gives a user a password or a key. The effect of a
// script can only be guessed from its words. The image installer authenticates users as the
// image does.
func mayLogIn(text string, image bool) bool {
	f, err := kickstart.Parse("", []byte(text))
	if broken := (*kickstart.Problem)(nil); err != nil && !errors.As(err, &broken) || f == nil {
		return true // reported already
	}
	for _, c := range f.Commands {
		words := c.Words
		has := func(option string) bool {
			return slices.ContainsFunc(words, func(w kickstart.Word) bool { return w.Text == option || strings.HasPrefix(w.Text, option+"=") })
		}
		switch c.Name {
		case "rootpw":
			if !has("--lock") {
				return true
			}
		case "user":
			if has("--password") && !has("--lock") {
				return true
			}
		case "%include", "%ksappend", "sshkey":
			return true
		case "realm", "authselect", "auth", "authconfig":
			if !image {
				return true
			}
		}
	}
	for _, s := range f.Sections {
		if s.Name != "%post" {
			continue
		}
		for _, word := range []string{"authorized_keys", "chpasswd", "passwd", "usermod", "sssd", "realm join", "ipa-client-install"} {
			if strings.Contains(s.Body, word) {
				return true
			}
		}
	}
	return false
}

// warned is a warning at a host's place.
func warned(h *inventory.Host, message, hint string) []finding {
	out := unsupplied(h, errors.New(message), hint)
	for i := range out {
		out[i].warning = true
	}
	return out
}
