package engine

import (
	"slices"
	"strings"

	"rackhand/templates/kickstart"
)

// Unsupported says how to treat the parts of a Kickstart that the image engine can't carry
// out.
type Unsupported string

// Refuse makes them errors. Skip skips those that the table of Skipping lets pass, for
// Kickstarts that were written for Anaconda.
const (
	Refuse Unsupported = "refuse"
	Skip   Unsupported = "skip"
)

// A Fate is what happens under Skip to a part that the image engine can't carry out.
type Fate string

// The fates.
const (
	Meaningless Fate = "skipped"                // silently: nothing is lost
	Warned      Fate = "skipped with a warning" // at the check and at the install
	Refused     Fate = "refused"                // skipping it would be dangerous
	Later       Fate = "carried out, but checked only at install"
)

// A Treatment is the rule for one part under Skip: a command or section, some of its
// options, or some of their values. The first rule that fits counts.
type Treatment struct {
	Command string   // "part", "%packages"; partition is part
	Options []string // by any spelling; none: the command or section itself
	With    []string // only the command with one of these options; nil: any
	When    string   // for people: the values or kinds of line that it is about; "": all
	Fate    Fate
	Why     string
	// Both: it holds under Refuse as well.
	Both bool

	value   func(string) bool          // of the option; nil: any
	line    func(*looseCommand) bool   // nil: any
	instead func(string) string        // the new value of the option; nil: the option is removed
	rewrite func(*looseCommand) string // another option in its place; nil: none
}

// Skipping is the table of the parts that Skip treats. A part is refused if it is not here
// and not in Commands.
func Skipping() []Treatment {
	return slices.Concat(skipStorage(), skipBoot(), skipPayload(), skipSystem(), skipNetwork(), skipSections())
}

func whole(fate Fate, why string, names ...string) []Treatment {
	var out []Treatment
	for _, n := range names {
		out = append(out, Treatment{Command: n, Fate: fate, Why: why})
	}
	return out
}

func options(fate Fate, command, why string, flags ...string) Treatment {
	return Treatment{Command: command, Options: flags, Fate: fate, Why: why}
}

func anyOf(words ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(words, strings.ToLower(s)) }
}

func anyBut(words ...string) func(string) bool {
	return func(s string) bool { return !slices.Contains(words, s) }
}

func to(value string) func(string) string { return func(string) string { return value } }

// skipBoot is about the boot loader.
func skipBoot() []Treatment {
	return []Treatment{
		options(Refused, "bootloader", "the boot menu would have no password", "--password", "--md5pass", "--iscrypted"),
		{
			Command: "bootloader", Options: []string{"--location"}, When: "none, partition, boot", Fate: Warned, value: anyBut("mbr"),
			Why: "GRUB is installed on the disk, which could not boot otherwise",
		},
		options(Warned, "bootloader", "GRUB is installed on the disk, which could not boot otherwise", "--disabled", "--nombr"),
		options(Warned, "bootloader", "the boot loader is GRUB", "--extlinux", "--sdboot"),
		options(Warned, "bootloader", "GRUB is installed on the disk that has the kernels; --boot-drive names another", "--driveorder"),
		options(Warned, "bootloader", "the disk holds the installed system alone", "--default", "--upgrade"),
	}
}

// skipPayload is about the source of the system, and about the installer itself.
func skipPayload() []Treatment {
	own := "the image of the inventory's system is installed"
	return slices.Concat(
		[]Treatment{
			{Command: "liveimg", When: "without a SHA-256 in --checksum, or not by http", Fate: Warned, Why: own, line: func(b *looseCommand) bool {
				return kickstart.KindSHA256.Check(b.value("--checksum")) != "" || kickstart.KindURL.Check(b.value("--url")) != ""
			}},
			options(Warned, "liveimg", "the image is fetched without a proxy", "--proxy"),
			options(Warned, "liveimg", "certificates are verified", "--noverifyssl"),
		},
		whole(Meaningless, own, "url", "nfs", "harddrive", "cdrom", "hmc", "method", "install", "mediacheck"),
		whole(Warned, own, "ostreesetup", "ostreecontainer", "bootc"),
		whole(Refused, "it upgrades an installed system, and an install erases that system", "upgrade"),
		whole(Refused, "it asks for a rescue system, and an install erases the disk; rackhand rescue starts one", "rescue"),
		whole(Warned, "the installer has the image's own drivers", "driverdisk", "device"),
		whole(Meaningless, "the installer loads drivers automatically", "deviceprobe"),
		whole(Meaningless, "it is about Anaconda's own interface, which this installer does not have", "vnc", "rdp", "sshpw", "autostep", "updates", "unsupported_hardware", "key", "monitor", "mouse", "zipl"),
		[]Treatment{
			{Command: "logging", When: "without --host", Fate: Meaningless, Why: "it has no effect", line: func(b *looseCommand) bool { return !b.has("--host") }},
			options(Warned, "reboot", "the box reboots through its firmware", "--kexec"),
			options(Warned, "poweroff", "the box is powered off", "--kexec"),
			options(Warned, "halt", "the box is halted", "--kexec"),
			options(Warned, "shutdown", "the box is powered off", "--kexec"),
			{Command: "%include", When: "of a path such as /tmp/x, in a Kickstart with a %pre", Fate: Later, Why: "%pre may write it; it is checked when %pre has run, before a disk is touched", line: func(b *looseCommand) bool {
				return b.pre && kickstart.KindPath.Check(b.arg()) == ""
			}},
			{Command: "%include", Fate: Refused, Why: "the included file may lay out disks or set a firewall; put its lines here"},
			{Command: "%ksappend", Fate: Refused, Why: "the included file may lay out disks or set a firewall; put its lines here"},
		},
	)
}

// skipSystem is about the installed system.
func skipSystem() []Treatment {
	auth := "users are authenticated as the image is configured; run the tool in a %post"
	var out []Treatment
	for _, n := range []string{"auth", "authconfig", "authselect"} {
		out = append(out,
			Treatment{Command: n, When: "--enableshadow, --useshadow, --passalgo=sha512, --kickstart and nothing else", Fate: Meaningless, Why: "it is the default here", line: defaultAuth},
			Treatment{Command: n, Fate: Warned, Why: auth})
	}
	return slices.Concat(out,
		whole(Warned, "the box joins no domain; join it in a %post", "realm"),
		whole(Warned, "the system is not registered; register it in a %post", "rhsm"),
		whole(Warned, "it is not recorded", "syspurpose"),
		whole(Warned, "no module is enabled; enable it in the image, or run dnf in a %post", "module"),
		[]Treatment{
			{Command: "lang", When: "not a locale", Fate: Warned, Why: "the language is the image's; write it such as de_DE.UTF-8", line: func(b *looseCommand) bool { return kickstart.KindLocale.Check(b.arg()) != "" }},
			{
				Command: "xconfig", With: []string{"--startxonboot", "--defaultdesktop"}, Fate: Warned,
				Why: "the image decides whether a desktop starts",
			},
			{Command: "xconfig", Fate: Meaningless, Why: "the X server detects its hardware"},
			{Command: "firstboot", With: []string{"--enable", "--reconfig"}, Fate: Warned, Why: "there is no first-boot wizard"},
			{Command: "firstboot", When: "without --disable", Fate: Warned, Why: "there is no first-boot wizard", line: func(b *looseCommand) bool { return !b.has("--disable") }},
		},
	)
}

// defaultAuth reports whether a line asks only for things that are so on every current
// system.
func defaultAuth(b *looseCommand) bool {
	for _, w := range b.c.Words {
		if !slices.Contains([]string{"--enableshadow", "--useshadow", "--passalgo=sha512", "--kickstart", "sha512", "--passalgo"}, w.Text) {
			return false
		}
	}
	return true
}

// skipNetwork is about the network and the sources of packages.
func skipNetwork() []Treatment {
	return []Treatment{
		{
			Command: "network", With: []string{"--essid", "--wepkey", "--wpakey"}, Fate: Warned,
			Why: "wireless cards are not set up; the line has no effect",
		},
		{Command: "network", Options: []string{"--hostname"}, When: "not a host name", Fate: Warned, Why: "no host name is set", value: func(s string) bool { return kickstart.KindHost.Check(s) != "" }},
		{Command: "network", Options: []string{"--ip", "--netmask", "--gateway"}, When: "without --bootproto=static", Fate: Warned, Why: "the address comes from DHCP", line: func(b *looseCommand) bool { return b.value("--bootproto") != "static" }},
		{Command: "network", Options: []string{"--device"}, When: "lo", Fate: Warned, Why: "the loopback needs no line", value: anyOf("lo")},
		options(Refused, "network", "the box would have no network on it; write a bond: --bondslaves", "--teamslaves", "--teamconfig"),
		options(Warned, "network", "the card keeps its driver's settings", "--ethtool"),
		options(Warned, "network", "no class is sent to the DHCP server", "--dhcpclass"),
		options(Warned, "network", "name servers from DHCP are used too", "--nodns", "--ipv4-ignore-auto-dns", "--ipv6-ignore-auto-dns"),
		options(Meaningless, "network", "it is about the installer", "--notksdevice"),
		{
			Command: "repo", When: "without an http or https --baseurl", Fate: Warned, Why: "packages come from the other repos, or from the image's own; give it a --baseurl",
			line: func(b *looseCommand) bool { return kickstart.KindURL.Check(b.value("--baseurl")) != "" },
		},
		{
			Command: "repo", When: "a name that can't be a file name", Fate: Warned, Why: "packages come from the other repos; give it a name of letters, digits, dots and dashes",
			line: func(b *looseCommand) bool { return kickstart.KindRepoName.Check(b.value("--name")) != "" },
		},
		options(Warned, "repo", "all repos are equal", "--cost"),
		options(Warned, "repo", "all packages of the repo are available", "--excludepkgs", "--includepkgs"),
		options(Meaningless, "repo", "no groups are installed, and --baseurl counts", "--ignoregroups", "--mirrorlist", "--metalink"),
		options(Warned, "repo", "the repo is fetched without it", "--proxy", "--sslcacert", "--sslclientcert", "--sslclientkey"),
		options(Warned, "repo", "certificates are verified", "--noverifyssl"),
	}
}

// skipSections is about sections.
func skipSections() []Treatment {
	p := "%packages"
	return []Treatment{
		{Command: "%addon", With: []string{"--disable", "--disabled"}, Fate: Meaningless, Why: "nothing is asked for", Both: true},
		{Command: "%addon", When: "com_redhat_kdump", Fate: Warned, Why: "crash dumps are not set up; set them up in a %post", line: addon("com_redhat_kdump")},
		{Command: "%addon", When: "com_redhat_subscription_manager", Fate: Warned, Why: "the system is not registered; register it in a %post", line: addon("com_redhat_subscription_manager")},
		{Command: "%addon", When: "any other, such as org_fedora_oscap", Fate: Refused, Why: "the system might run without the hardening that it asks for; do that in a %post"},
		{Command: "%anaconda", Fate: Meaningless, Why: "it is about passwords typed into Anaconda"},
		{Command: "%traceback", Fate: Warned, Why: "it is about Anaconda's own defects; %onerror runs on any failure"},
		{Command: "%certificate", Fate: Warned, Why: "the system doesn't trust it; write it in a %post"},

		options(Meaningless, p, "the installer adds nothing that it would leave out, or what it asks for is the default here", "--nobase", "--default", "--resolvedeps"),
		options(Warned, p, "packages bring all their languages", "--instLangs", "--inst-langs"),
		options(Warned, p, "only the image's own architecture is installed", "--multilib"),
		options(Warned, p, "a package that can't be installed fails the install", "--ignorebroken", "--ignoredeps"),
		{Command: p, Options: []string{lineGroup}, When: "@core, @^minimal, @^minimal-environment; -@group", Fate: Meaningless, Why: "the image already contains it", value: imageGroup},
		{Command: p, Options: []string{lineGroup}, Fate: Warned, Why: "an image has no groups; name the packages"},
		{Command: p, Options: []string{linePattern}, When: "kernel*, -iwl*", Fate: Warned, Why: "patterns are not matched; name the packages"},
		{Command: p, Options: []string{lineStrange}, When: "a line that is not a package name", Fate: Warned, Why: "it is not a package name"},
	}
}

// The kinds of line in %packages, as options of a Treatment.
const (
	lineGroup   = "@group"
	linePattern = "pattern"
	lineStrange = "other lines"
)

func addon(name string) func(*looseCommand) bool {
	return func(b *looseCommand) bool { return len(b.c.Words) > 0 && b.c.Words[0].Text == name }
}

// imageGroup reports whether a line names a group that only asks for a system that boots,
// or excludes a group.
func imageGroup(line string) bool {
	name, minus := strings.CutPrefix(line, "-")
	name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), "@")))
	return minus || slices.Contains([]string{"core", "^minimal", "^minimal-environment"}, name)
}
