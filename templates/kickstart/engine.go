package kickstart

// An Engine names what carries out a Kickstart.
type Engine string

// EngineImage is rackhand-installer. It speaks the grammar of RHEL 9 as far as
// its table goes.
const EngineImage Engine = "image"

// imageRelease is the release whose grammar the image engine reads its commands by.
const imageRelease = RHEL9

// A Verb is what the image engine does for a command.
type Verb int

// The verbs of the image engine.
const (
	NoOp Verb = iota // true for this engine whatever the command says
	Bootloader
	ClearPart
	End // reboot, poweroff, halt, shutdown: the command's name says which
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

// An EngineCommand is a command that the image engine carries out.
type EngineCommand struct {
	Verb    Verb
	Names   []string
	Options []EngineOption
	// Arg is what a positional argument must look like; KindNone: there is none.
	Arg Kind
	// Many: there may be several of them.
	Many bool
}

// An EngineOption is an option that the image engine carries out.
type EngineOption struct {
	Flag string
	Kind Kind
	// Only lists the values that it can carry out; empty: any of its kind.
	Only []string
	// Need: the engine can't do without it.
	Need bool
	// NoOp: the option asks for what is so anyway.
	NoOp bool
}

// ImageCommands is the image engine's table: what CheckEngine accepts and what
// the installer dispatches on.
func ImageCommands() []EngineCommand {
	return append(storageCommands(), []EngineCommand{
		{Verb: Bootloader, Names: []string{"bootloader"}, Options: []EngineOption{
			{Flag: "--append", Kind: KindLine},
			{Flag: "--location", Kind: KindLine, Only: []string{"mbr"}, NoOp: true},
			{Flag: "--boot-drive", Kind: KindName},
			{Flag: "--timeout", Kind: KindCount},
			// the firmware's boot order is never touched: GRUB goes to the removable path
			{Flag: "--leavebootorder", NoOp: true},
		}},
		{Verb: ClearPart, Names: []string{"clearpart"}, Options: []EngineOption{
			{Flag: "--all", Need: true, NoOp: true},
			{Flag: "--initlabel", NoOp: true},
			{Flag: "--drives", Kind: KindLine},
			{Flag: "--disklabel", Kind: KindLine, Only: []string{"gpt"}, NoOp: true},
		}},
		{Verb: End, Names: []string{"reboot", "poweroff", "halt", "shutdown"}, Options: []EngineOption{
			{Flag: "--eject", NoOp: true}, // there is no medium
		}},
		{Verb: Firewall, Names: []string{"firewall"}, Options: []EngineOption{
			{Flag: "--enabled", NoOp: true}, // it is, unless --disabled is said
			{Flag: "--disabled"},
			{Flag: "--port", Kind: KindPorts},
			{Flag: "--service", Kind: KindWords},
			{Flag: "--remove-service", Kind: KindWords},
			{Flag: "--trust", Kind: KindIface},
			{Flag: "--ssh", NoOp: true}, // open unless --remove-service=ssh
			{Flag: "--http"},
			{Flag: "--smtp"},
			{Flag: "--ftp"},
			{Flag: "--use-system-defaults"},
		}},
		{Verb: Group, Names: []string{"group"}, Options: []EngineOption{
			{Flag: "--name", Kind: KindUser},
			{Flag: "--gid", Kind: KindCount},
		}},
		{Verb: IgnoreDisk, Names: []string{"ignoredisk"}, Options: []EngineOption{
			{Flag: "--only-use", Kind: KindLine},
			{Flag: "--drives", Kind: KindLine},
		}},
		{Verb: Keyboard, Names: []string{"keyboard"}, Arg: KindName, Options: []EngineOption{
			{Flag: "--vckeymap", Kind: KindName},
			{Flag: "--xlayouts", Kind: KindLine},
			{Flag: "--switch", Kind: KindWords},
		}},
		{Verb: Lang, Names: []string{"lang"}, Arg: KindLocale, Options: []EngineOption{
			{Flag: "--addsupport", Kind: KindLocales},
		}},
		{Verb: LiveImg, Names: []string{"liveimg"}, Options: []EngineOption{
			{Flag: "--url", Kind: KindURL},
			{Flag: "--checksum", Kind: KindSHA256, Need: true},
		}},
		{Verb: Network, Names: []string{"network"}, Options: []EngineOption{
			{Flag: "--bootproto", Kind: KindLine, Only: []string{"dhcp", "bootp", "static"}},
			{Flag: "--device", Kind: KindNetDevice},
			{Flag: "--ip", Kind: KindIPv4},
			{Flag: "--netmask", Kind: KindNetmask},
			{Flag: "--gateway", Kind: KindIPv4},
			{Flag: "--nameserver", Kind: KindIPs},
			{Flag: "--hostname", Kind: KindHost},
			{Flag: "--mtu", Kind: KindCount},
			{Flag: "--onboot"},
			{Flag: "--nodefroute"},
			{Flag: "--noipv4"},
			{Flag: "--noipv6"},
			{Flag: "--ipv6", Kind: KindIPv6},
			{Flag: "--ipv6gateway", Kind: KindIPv6Addr},
			{Flag: "--ipv4-dns-search", Kind: KindDomains},
			{Flag: "--ipv6-dns-search", Kind: KindDomains},
			{Flag: "--bondslaves", Kind: KindNetDevices},
			{Flag: "--bondopts", Kind: KindBondOptions},
			{Flag: "--bridgeslaves", Kind: KindNetDevices},
			{Flag: "--bridgeopts", Kind: KindBridgeOptions},
			{Flag: "--vlanid", Kind: KindVLAN},
			{Flag: "--interfacename", Kind: KindIface},
			{Flag: "--bindto", Kind: KindLine, NoOp: true}, // cards are told by their MAC anyway
			{Flag: "--activate", NoOp: true},               // about the installer's own network,
			{Flag: "--no-activate", NoOp: true},            // which is up already
		}},
		{Verb: RootPW, Names: []string{"rootpw"}, Arg: KindLine, Options: []EngineOption{
			{Flag: "--iscrypted"}, {Flag: "--plaintext"}, {Flag: "--lock"}, {Flag: "--allow-ssh"},
		}},
		{Verb: SELinux, Names: []string{"selinux"}, Options: []EngineOption{
			{Flag: "--disabled"}, {Flag: "--permissive"}, {Flag: "--enforcing"},
		}},
		{Verb: Services, Names: []string{"services"}, Options: []EngineOption{
			{Flag: "--enabled", Kind: KindWords}, {Flag: "--disabled", Kind: KindWords},
		}},
		{Verb: SSHKey, Names: []string{"sshkey"}, Arg: KindLine, Options: []EngineOption{
			{Flag: "--username", Kind: KindUser},
		}},
		{Verb: Timezone, Names: []string{"timezone"}, Arg: KindZone, Options: []EngineOption{
			{Flag: "--utc"}, {Flag: "--isUtc"}, {Flag: "--nontp"}, {Flag: "--ntpservers", Kind: KindWords},
		}},
		{Verb: TimeSource, Names: []string{"timesource"}, Options: []EngineOption{
			{Flag: "--ntp-server", Kind: KindNetHost}, {Flag: "--ntp-pool", Kind: KindNetHost}, {Flag: "--ntp-disable"}, {Flag: "--nts"},
		}},
		{Verb: Logging, Names: []string{"logging"}, Options: []EngineOption{
			{Flag: "--host", Kind: KindNetHost, Need: true},
			{Flag: "--port", Kind: KindPort},
			{Flag: "--level", Kind: KindLine, NoOp: true}, // deprecated: it has no effect
		}},
		{Verb: Repo, Names: []string{"repo"}, Options: []EngineOption{
			{Flag: "--name", Kind: KindRepoName, Need: true}, {Flag: "--baseurl", Kind: KindURL, Need: true}, {Flag: "--install"},
		}},
		{Verb: User, Names: []string{"user"}, Options: []EngineOption{
			{Flag: "--name", Kind: KindUser},
			{Flag: "--gecos", Kind: KindGecos},
			{Flag: "--homedir", Kind: KindPath},
			{Flag: "--groups", Kind: KindGroups},
			{Flag: "--password", Kind: KindLine},
			{Flag: "--iscrypted"},
			{Flag: "--plaintext"},
			{Flag: "--lock"},
			{Flag: "--uid", Kind: KindCount},
			{Flag: "--gid", Kind: KindCount},
			{Flag: "--shell", Kind: KindPath},
		}},
		// True for this engine whatever they say: it has one look, shows no licence,
		// has no first-boot wizard and clears what it was allowed to clear.
		{Verb: NoOp, Names: []string{"text", "cmdline", "graphical"}, Options: []EngineOption{
			{Flag: "--non-interactive", NoOp: true},
		}},
		{Verb: NoOp, Names: []string{"zerombr", "skipx"}},
		{Verb: NoOp, Names: []string{"eula"}, Options: []EngineOption{{Flag: "--agreed", NoOp: true}}},
		{Verb: NoOp, Names: []string{"firstboot"}, Options: []EngineOption{{Flag: "--disable", Need: true, NoOp: true}}},
	}...)
}
