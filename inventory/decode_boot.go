package inventory

import (
	"regexp"
	"strings"

	"rackhand/config/schema"
)

// The keys of boot:, which every layer may give, each for itself.
const (
	keyBootProgram    = "boot.program"
	keyBootConsole    = "boot.console"
	keyBootArgs       = "boot.args"
	keyBootVLAN       = "boot.vlan"
	keyBootSecureBoot = "boot.secure_boot"
	keyBootProxy      = "boot.proxy"
)

const (
	// maxProgram is the longest name of a boot program, in bytes. It fits the file field of a
	// DHCP header with its end (RFC 2131, section 2).
	maxProgram = 127
	// maxArgs bounds a host's own arguments together, in bytes: the kernel's line
	// has 2048 (COMMAND_LINE_SIZE of x86 and arm64), and the installer's own
	// arguments need some of it.
	maxArgs = 1024
)

var (
	consoleForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,30}(,[A-Za-z0-9]{1,31}){0,4}$`)
	// It excludes characters of the boot loaders' own languages: iPXE reads ${...}, GRUB
	// $ ; & | < > { } # and \.
	argForm = regexp.MustCompile(`^[A-Za-z0-9_.,:=/+@%~^!*()\[\]-]+$`)
)

// bootFields reads a boot mapping: exceptions on the way from the firmware to the
// kernel.
func bootFields(what string, n schema.Node, to layer) {
	// given keeps what a reader made of a key; nil when it was wrong.
	given := func(key string, read func(what string, n schema.Node) any) func(schema.Node) {
		return func(n schema.Node) {
			to.put(what, key, n, read(what+": "+strings.Replace(key, ".", " ", 1), n))
		}
	}
	n.Fields(what+": boot", schema.Fields{
		"program": given(keyBootProgram, func(what string, n schema.Node) any {
			text, ok := n.Text(what)
			if ok && (!validFileName(text) || len(text) > maxProgram) {
				n.Problem("name a file without a path, such as ipxe.efi; `rackhand bootfiles` lists them", "%s: %q can't be a boot program", what, text)
				return nil
			}
			return orNil(text, ok)
		}),
		"console": given(keyBootConsole, func(what string, n schema.Node) any {
			text, ok := n.Text(what)
			if ok && !consoleForm.MatchString(text) {
				hint := "write the terminal and its speed: ttyS1,115200n8"
				if rest, ok := strings.CutPrefix(text, "console="); ok && consoleForm.MatchString(rest) {
					hint = "write " + rest + " alone"
				}
				n.Problem(hint, "%s: %q can't be a console", what, text)
				return nil
			}
			return orNil(text, ok)
		}),
		"args": given(keyBootArgs, func(what string, n schema.Node) any { return orNil(parseArgs(what, n)) }),
		"vlan": given(keyBootVLAN, func(what string, n schema.Node) any {
			return orNil(n.Int(what, 1, 4094)) // IEEE 802.1Q: 0 and 4095 are not VLANs
		}),
		"secure_boot": given(keyBootSecureBoot, func(what string, n schema.Node) any { return orNil(n.Bool(what)) }),
		"proxy": given(keyBootProxy, func(what string, n schema.Node) any {
			text, ok := n.OneOf(what, string(ProxyPXE), string(ProxyBINL))
			return orNil(ProxyForm(text), ok)
		}),
	})
}

// orNil is a setting's value: nil for one that was wrong.
func orNil[T any](value T, ok bool) any {
	if !ok {
		return nil
	}
	return value
}

// parseArgs reads arguments of the installer's kernel.
func parseArgs(what string, n schema.Node) (args []string, ok bool) {
	items, ok := n.List(what)
	size := 0
	for _, item := range items {
		text, read := item.Text(what)
		if !read {
			ok = false
			continue
		}
		if hint := notAnArg(text); hint != "" {
			item.Problem(hint, "%s: %q can't be an argument of the kernel", what, text)
			ok = false
			continue
		}
		args = append(args, text)
		if size += len(text) + 1; size > maxArgs {
			item.Problem("the kernel's line ends somewhere; keep those that are needed", "%s have more than %d bytes together", what, maxArgs)
			return nil, false
		}
	}
	return args, ok
}

// notAnArg says what to do about a word that can't be an argument; "" for one
// that can. An argument that the install itself needs isn't to be overridden:
// with another inst.ks= a box would follow a stranger's Kickstart.
func notAnArg(text string) (hint string) {
	name, _, _ := strings.Cut(text, "=")
	switch {
	case strings.ContainsAny(text, " \t"):
		return "write a list with one argument in each entry: args: [quiet, net.ifnames=0]"
	case !argForm.MatchString(text):
		return "use letters, digits and _.,:=/+@%~^!*()[]-; a boot loader takes other signs for its own language"
	case name == "inst.ks" || name == "initrd" || name == "BOOTIF" || strings.HasPrefix(name, "rackhand."):
		return "remove it: the install sets " + name + " itself"
	}
	return ""
}

// boot puts together what the layers say of a host's boot, each key for itself.
func (m merged) boot() Boot {
	b := Boot{Program: m.text(keyBootProgram), Console: m.text(keyBootConsole)}
	b.Args, _ = m.value(keyBootArgs).([]string)
	b.VLAN, _ = m.value(keyBootVLAN).(int)
	b.SecureBoot, _ = m.value(keyBootSecureBoot).(bool)
	b.Proxy, _ = m.value(keyBootProxy).(ProxyForm)
	return b
}
