package engine

import "rackhand/templates/kickstart"

// A Name is the name of a program that carries out a Kickstart.
type Name string

// Image is rackhand-installer. It reads the grammar of RHEL 9, as far as its table goes.
const Image Name = "image"

// imageRelease is the release by whose grammar the image engine reads commands.
const imageRelease = kickstart.RHEL9

// A Verb is an action of the image engine.
type Verb int

// The verbs of the image engine.
const (
	NoOp Verb = iota // nothing to do: it is always so
	Bootloader
	ClearPart
	End // reboot, poweroff, halt, shutdown: see the command's name
	Firewall
	Group
	IgnoreDisk
	Keyboard
	Lang
	LiveImg
	Network
	Part
	RootPW
	SELinux
	Services
	SSHKey
	Timezone
	User
	Logging
	Repo
	TimeSource
)

// A Command is a command that the image engine carries out.
type Command struct {
	Verb    Verb
	Names   []string
	Options []Option
	// Arg is the form of the positional argument. KindNone: the command takes none.
	Arg kickstart.Kind
	// Many: there may be several positional arguments.
	Many bool
}

// An Option is an option that the image engine carries out.
type Option struct {
	Flag string
	Kind kickstart.Kind
	// Only lists the values that the engine can carry out. Empty: all of the kind.
	Only []string
	// Need: the option is required.
	Need bool
	// NoOp: the option asks for something that is always so.
	NoOp bool
}

// Commands is the table of the image engine: Check accepts the commands in it, and the
// installer carries them out by their verbs.
func Commands() []Command {
	return append(storageCommands(), []Command{
		{Verb: Bootloader, Names: []string{"bootloader"}, Options: []Option{
			{Flag: "--append", Kind: kickstart.KindLine},
			{Flag: "--location", Kind: kickstart.KindLine, Only: []string{"mbr"}, NoOp: true},
			{Flag: "--boot-drive", Kind: kickstart.KindName},
			{Flag: "--timeout", Kind: kickstart.KindCount},
			// GRUB goes to the removable path: the boot order of the firmware stays
			{Flag: "--leavebootorder", NoOp: true},
		}},
		{Verb: ClearPart, Names: []string{"clearpart"}, Options: []Option{
			{Flag: "--all", Need: true, NoOp: true},
			{Flag: "--initlabel", NoOp: true},
			{Flag: "--drives", Kind: kickstart.KindLine},
			{Flag: "--disklabel", Kind: kickstart.KindLine, Only: []string{"gpt"}, NoOp: true},
		}},
		{Verb: End, Names: []string{"reboot", "poweroff", "halt", "shutdown"}, Options: []Option{
			{Flag: "--eject", NoOp: true}, // there is no medium
		}},
		{Verb: Firewall, Names: []string{"firewall"}, Options: []Option{
			{Flag: "--enabled", NoOp: true}, // the firewall is on unless --disabled is given
			{Flag: "--disabled"},
			{Flag: "--port", Kind: kickstart.KindPorts},
			{Flag: "--service", Kind: kickstart.KindWords},
			{Flag: "--remove-service", Kind: kickstart.KindWords},
			{Flag: "--trust", Kind: kickstart.KindIface},
			{Flag: "--ssh", NoOp: true}, // open unless --remove-service=ssh
			{Flag: "--http"},
			{Flag: "--smtp"},
			{Flag: "--ftp"},
			{Flag: "--use-system-defaults"},
		}},
		{Verb: Group, Names: []string{"group"}, Options: []Option{
			{Flag: "--name", Kind: kickstart.KindUser},
			{Flag: "--gid", Kind: kickstart.KindCount},
		}},
		{Verb: IgnoreDisk, Names: []string{"ignoredisk"}, Options: []Option{
			{Flag: "--only-use", Kind: kickstart.KindLine},
			{Flag: "--drives", Kind: kickstart.KindLine},
		}},
		{Verb: Keyboard, Names: []string{"keyboard"}, Arg: kickstart.KindName, Options: []Option{
			{Flag: "--vckeymap", Kind: kickstart.KindName},
			{Flag: "--xlayouts", Kind: kickstart.KindLine},
			{Flag: "--switch", Kind: kickstart.KindWords},
		}},
		{Verb: Lang, Names: []string{"lang"}, Arg: kickstart.KindLocale, Options: []Option{
			{Flag: "--addsupport", Kind: kickstart.KindLocales},
		}},
		{Verb: LiveImg, Names: []string{"liveimg"}, Options: []Option{
			{Flag: "--url", Kind: kickstart.KindURL},
			{Flag: "--checksum", Kind: kickstart.KindSHA256, Need: true},
		}},
		{Verb: Network, Names: []string{"network"}, Options: []Option{
			{Flag: "--bootproto", Kind: kickstart.KindLine, Only: []string{"dhcp", "bootp", "static"}},
			{Flag: "--device", Kind: kickstart.KindNetDevice},
			{Flag: "--ip", Kind: kickstart.KindIPv4},
			{Flag: "--netmask", Kind: kickstart.KindNetmask},
			{Flag: "--gateway", Kind: kickstart.KindIPv4},
			{Flag: "--nameserver", Kind: kickstart.KindIPs},
			{Flag: "--hostname", Kind: kickstart.KindHost},
			{Flag: "--mtu", Kind: kickstart.KindCount},
			{Flag: "--onboot"},
			{Flag: "--nodefroute"},
			{Flag: "--noipv4"},
			{Flag: "--noipv6"},
			{Flag: "--ipv6", Kind: kickstart.KindIPv6},
			{Flag: "--ipv6gateway", Kind: kickstart.KindIPv6Addr},
			{Flag: "--ipv4-dns-search", Kind: kickstart.KindDomains},
			{Flag: "--ipv6-dns-search", Kind: kickstart.KindDomains},
			{Flag: "--bondslaves", Kind: kickstart.KindNetDevices},
			{Flag: "--bondopts", Kind: kickstart.KindBondOptions},
			{Flag: "--bridgeslaves", Kind: kickstart.KindNetDevices},
			{Flag: "--bridgeopts", Kind: kickstart.KindBridgeOptions},
			{Flag: "--vlanid", Kind: kickstart.KindVLAN},
			{Flag: "--interfacename", Kind: kickstart.KindIface},
			{Flag: "--bindto", Kind: kickstart.KindLine, NoOp: true}, // cards are found by their MAC anyway
			{Flag: "--activate", NoOp: true},                         // these are about the network of the installer,
			{Flag: "--no-activate", NoOp: true},                      // which is up already
		}},
		{Verb: RootPW, Names: []string{"rootpw"}, Arg: kickstart.KindLine, Options: []Option{
			{Flag: "--iscrypted"}, {Flag: "--plaintext"}, {Flag: "--lock"}, {Flag: "--allow-ssh"},
		}},
		{Verb: SELinux, Names: []string{"selinux"}, Options: []Option{
			{Flag: "--disabled"}, {Flag: "--permissive"}, {Flag: "--enforcing"},
		}},
		{Verb: Services, Names: []string{"services"}, Options: []Option{
			{Flag: "--enabled", Kind: kickstart.KindWords}, {Flag: "--disabled", Kind: kickstart.KindWords},
		}},
		{Verb: SSHKey, Names: []string{"sshkey"}, Arg: kickstart.KindLine, Options: []Option{
			{Flag: "--username", Kind: kickstart.KindUser},
		}},
		{Verb: Timezone, Names: []string{"timezone"}, Arg: kickstart.KindZone, Options: []Option{
			{Flag: "--utc"}, {Flag: "--isUtc"}, {Flag: "--nontp"}, {Flag: "--ntpservers", Kind: kickstart.KindWords},
		}},
		{Verb: TimeSource, Names: []string{"timesource"}, Options: []Option{
			{Flag: "--ntp-server", Kind: kickstart.KindNetHost}, {Flag: "--ntp-pool", Kind: kickstart.KindNetHost}, {Flag: "--ntp-disable"}, {Flag: "--nts"},
		}},
		{Verb: Logging, Names: []string{"logging"}, Options: []Option{
			{Flag: "--host", Kind: kickstart.KindNetHost, Need: true},
			{Flag: "--port", Kind: kickstart.KindPort},
			{Flag: "--level", Kind: kickstart.KindLine, NoOp: true}, // deprecated: it has no effect
		}},
		{Verb: Repo, Names: []string{"repo"}, Options: []Option{
			{Flag: "--name", Kind: kickstart.KindRepoName, Need: true}, {Flag: "--baseurl", Kind: kickstart.KindURL, Need: true}, {Flag: "--install"},
		}},
		{Verb: User, Names: []string{"user"}, Options: []Option{
			{Flag: "--name", Kind: kickstart.KindUser},
			{Flag: "--gecos", Kind: kickstart.KindGecos},
			{Flag: "--homedir", Kind: kickstart.KindPath},
			{Flag: "--groups", Kind: kickstart.KindGroups},
			{Flag: "--password", Kind: kickstart.KindLine},
			{Flag: "--iscrypted"},
			{Flag: "--plaintext"},
			{Flag: "--lock"},
			{Flag: "--uid", Kind: kickstart.KindCount},
			{Flag: "--gid", Kind: kickstart.KindCount},
			{Flag: "--shell", Kind: kickstart.KindPath},
		}},
		// These are always so: the engine has one user interface, shows no licence, has no
		// first-boot wizard, and clears the disks that it may clear.
		{Verb: NoOp, Names: []string{"text", "cmdline", "graphical"}, Options: []Option{
			{Flag: "--non-interactive", NoOp: true},
		}},
		{Verb: NoOp, Names: []string{"zerombr", "skipx"}},
		{Verb: NoOp, Names: []string{"eula"}, Options: []Option{{Flag: "--agreed", NoOp: true}}},
		{Verb: NoOp, Names: []string{"firstboot"}, Options: []Option{{Flag: "--disable", Need: true, NoOp: true}}},
	}...)
}
