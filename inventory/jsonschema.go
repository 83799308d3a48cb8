package inventory

import (
	"fmt"
	"strings"

	"rackhand/config/schema"
)

// JSONSchema is the JSON Schema (draft 7) of an inventory's file, for editors:
// completion, hover and checks. Keys, types, choices and bounds come from the
// reader itself; an error is a key without a text, which a test finds.
func JSONSchema() ([]byte, error) {
	return schema.JSON("rackhand inventory", shape(), docs())
}

// shape is the shape of an inventory file.
func shape() *schema.Shape {
	return schema.ShapeOf(func(root schema.Node) { newLoader(Options{}).decode(root) })
}

// Patterns for editors. The reader still checks the texts that they accept.
const (
	addressPattern = `^[0-9]{1,3}(\.[0-9]{1,3}){3}$`
	prefixPattern  = `^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$`
	rangePattern   = `^[0-9.]+ *- *[0-9.]+$`
	macPattern     = `^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$|^[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}$|^[0-9A-Fa-f]{12}$`
	domainPattern  = `^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`
)

// docs are the texts of the keys, as an editor shows them.
func docs() schema.Docs {
	all := schema.Docs{
		"":         {Text: "A file of the inventory. All *.yaml files of the folder are read together; any file may hold any part."},
		"defaults": {Text: "Settings for every host. Its system, its group and the host itself may override them."},
		"networks": {Text: "The networks of the hosts, by name.", Names: nameForm.String()},
		"systems":  {Text: "The operating systems that can be installed, by name.", Names: nameForm.String()},
		"groups":   {Text: "What several hosts have in common, by name. A host is in one group at most.", Names: nameForm.String()},
		"hosts":    {Text: "The boxes, by name: one DNS label in small letters.", Names: labelForm.String()},

		"systems.*":           {Text: "An operating system, and settings for every host that has it.", Required: []string{"installer"}},
		"systems.*.installer": {Text: "The engine that carries out the Kickstart: image streams a root image to the disk, anaconda is the distribution's own installer.", Examples: []string{"image"}},
		"systems.*.release":   {Text: "The Kickstart release; it says which commands there are.", Pattern: nameForm.String(), Examples: []string{"RHEL9", "F42"}},
		"systems.*.image":     {Text: "The root image; `rackhand image build NAME` makes it.", Pattern: nameForm.String(), Examples: []string{"debian12"}},
		"systems.*.media":     {Text: "The distribution's install medium, a file's name.", Pattern: fileForm.String(), Examples: []string{"rocky-9-x86_64-dvd.iso"}},
		"systems.*.arch":      {Text: "The processor that its kernel runs on.", Default: ArchAMD64, Examples: []string{ArchARM64}},

		"systems.*.unsupported": {Text: "How the image installer treats parts of a Kickstart that it can't carry out: refuse them, or skip them with a warning if that isn't dangerous.", Default: UnsupportedRefuse, Examples: []string{UnsupportedSkip}},

		"groups.*": {Text: "A group: settings for every host in it."},

		"hosts.*":                 {Text: "A box.", Required: []string{"mac", "address"}},
		"hosts.*.mac":             {Text: "The MACs of the ports that may boot: one, or a list.", Pattern: macPattern, NotEmpty: true, Examples: []string{"52:54:00:00:00:01", "[52:54:00:00:00:01, 5254.0000.0002]"}},
		"hosts.*.address":         {Text: "Its IPv4 address, within a network and outside of that network's leases.", Pattern: addressPattern, Examples: []string{"10.77.0.11"}},
		"hosts.*.group":           {Text: "The group that it is in.", Examples: []string{"web"}},
		"hosts.*.rack":            {Text: "Where it stands.", Required: []string{"name"}},
		"hosts.*.rack.name":       {Text: "The rack's name.", Examples: []string{"r1"}},
		"hosts.*.rack.unit":       {Text: "The height unit that it begins at.", Examples: []string{"12"}},
		"hosts.*.bmc.address":     {Text: "The BMC's address, with a port if it isn't the protocol's own (623 for IPMI, 443 for Redfish). Another port without `protocol` is one of IPMI.", Examples: []string{"10.77.0.111", "10.77.0.111:6230"}},
		"hosts.*.bmc.fingerprint": {Text: "The SHA-256 of the BMC's certificate: 64 hex digits, with colons or without. Redfish trusts this certificate, or one of `ca`, and no other.", Pattern: `^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$`, Examples: []string{strings.Repeat("a1", 32)}},
		"hosts.*.bmc.mac":         {Text: "The MAC of the BMC's own port, where our DHCP gives it its address.", Pattern: macPattern, Examples: []string{"52:54:00:00:01:01"}},
	}
	networkDocs(all)
	for _, layer := range []string{"defaults", "systems.*", "groups.*", "hosts.*"} {
		layerDocs(all, layer+".")
		if layer != "systems.*" {
			all[layer+"."+keySystem] = schema.Doc{Text: "The operating system to install, one of systems. A host without one is never installed.", Pattern: nameForm.String(), Examples: []string{"debian12"}}
		}
	}
	return all
}

func networkDocs(all schema.Docs) {
	keys := schema.Docs{
		"":                  {Text: "A link and its addresses.", Required: []string{"subnet"}},
		".subnet":           {Text: "The IPv4 network with its length, /8 to /30.", Pattern: prefixPattern, Examples: []string{"10.77.0.0/24"}},
		".gateway":          {Text: "The router's address: the default route (DHCP option 3).", Pattern: addressPattern, Examples: []string{"10.77.0.1"}},
		".dns":              {Text: "Addresses of name servers (option 6).", Pattern: addressPattern, Examples: []string{"[10.77.0.1]", "10.77.0.1"}},
		".ntp":              {Text: "Addresses of time servers (option 42).", Pattern: addressPattern, Examples: []string{"[10.77.0.1]"}},
		".domain":           {Text: "The domain of the hosts' names (option 15).", Pattern: domainPattern, Examples: []string{"rack1.example.org"}},
		".leases":           {Text: "First and last address for boxes that are not in the inventory.", Pattern: rangePattern, Examples: []string{"10.77.0.200-10.77.0.240"}},
		".answer":           {Text: "The default of `answer` for the hosts of this network.", Default: string(defaultAnswer), Examples: []string{string(ConfirmAnswer)}},
		".dhcp":             {Text: "authoritative gives addresses; proxy works beside the server that gives them, and adds what to boot; off answers nothing.", Default: string(DHCPAuthoritative), Examples: []string{string(DHCPProxy)}},
		".allow_other_dhcp": {Text: "Give addresses even if another DHCP server answers.", Default: "false", Examples: []string{"true"}},
		".lease_time":       {Text: fmt.Sprintf("How long a lease holds (option 51): %s to %s.", schema.Plain(minLease), schema.Plain(maxLease)), Examples: []string{"1h"}},
		".unclaimed":        {Text: "Boxes that are not in the inventory and boot from the network."},
		".unclaimed.wait":   {Text: fmt.Sprintf("How long such a box waits at its boot program to be claimed, %s to %s and not longer than lease_time. Then it boots its own disk, as after any key. Without it, the box boots its disk at once. Only with dhcp: authoritative, for x86.", schema.Plain(minUnclaimedWait), schema.Plain(maxUnclaimedWait)), Examples: []string{"10m"}},
		".search":           {Text: "Domains that names are looked up in (option 119).", Pattern: domainPattern, Examples: []string{"[a.example, b.example]", "a.example"}},
		".mtu":              {Text: "The biggest packet in bytes (option 26).", Examples: []string{"1500", "9000"}},
		".routes":           {Text: "Static routes (option 121). Clients get the gateway with them.", Required: []string{"to", "via"}, Examples: []string{"[{to: 10.0.0.0/8, via: 10.77.0.254}]"}},
		".routes.to":        {Text: "The destination: an IPv4 network with its length.", Pattern: prefixPattern},
		".routes.via":       {Text: "The router, within the subnet and outside of the leases.", Pattern: addressPattern},
		".options":          {Text: "Further DHCP options by number. Those that have a key of their own, or belong to the protocol, can't be given here.", Names: `^([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-4])$`},
		".options.*":        {Text: "A text, a list of IPv4 addresses, or bytes in hex.", Required: []string{"hex"}, Examples: []string{"http://10.77.0.1/wpad.dat", "[10.77.0.1]", "{hex: 060108ff}"}},
		".options.*.hex":    {Text: "The option's bytes, two digits each; colons between them if you like."},
	}
	for key, doc := range keys {
		all["networks.*"+key] = doc
	}
}

// layerDocs are the keys that every layer may give.
func layerDocs(all schema.Docs, prefix string) {
	keys := schema.Docs{
		keyKickstart:          {Text: "The Kickstart template: a file of templates/, otherwise a built-in one.", Pattern: fileForm.String(), Examples: []string{"base.ks"}},
		keyRole:               {Text: "The host's one role: a file of roles/, without .yaml. Either role or roles.", Pattern: nameForm.String(), Examples: []string{"web"}},
		keyRoles:              {Text: fmt.Sprintf("The host's roles, in order, %d at most. They replace those of the weaker layers.", maxHostRoles), Pattern: nameForm.String(), Examples: []string{"[base, web]", "{add: [monitoring]}"}},
		"roles.add":           {Text: "Roles behind those of the weaker layers.", Pattern: nameForm.String(), Examples: []string{"[monitoring]"}},
		keyInstall:            {Text: "first-boot arms a host that was never installed automatically, when it first boots from the network. on-request arms it only by `rackhand install HOST`. never is for devices that only get an address: a printer, a switch.", Default: string(defaultInstall), Examples: []string{string(FirstBoot)}},
		keyAnswer:             {Text: "give: the box gets the answer file once it has proved to be the host, as far as its link can show. confirm: it also waits for `rackhand release HOST`.", Default: string(defaultAnswer), Examples: []string{string(ConfirmAnswer)}},
		keyBudget:             {Text: fmt.Sprintf("The time from power-on to serving, %s to %s.", schema.Plain(minBudget), schema.Plain(maxBudget)), Default: schema.Plain(defaultBudget), Examples: []string{"30m"}},
		keyDisk:               {Text: "The disk to install to. Without it, the only one there is.", Pattern: diskForm.String(), Examples: []string{"sda", "/dev/disk/by-id/nvme-x"}},
		"variables":           {Text: "Your own values for templates and roles. A scalar is the text as you write it: 0644, NO and 1.10 stay as they are.", Names: variableForm.String()},
		"variables.*":         {Text: "A text, a list or a mapping.", Examples: []string{"0644", "[a, b]", "{secret: app/key}"}},
		"bmc":                 {Text: "The baseboard management controller, spoken to with IPMI or Redfish. Each key counts separately."},
		keyBMCUser:            {Text: fmt.Sprintf("The user to log in as: %d characters at most, %d where IPMI may be spoken.", maxBMCUser, maxIPMIUser), Examples: []string{"admin"}},
		keyBMCPassword:        {Text: "The name of the secret that holds the user's password.", Required: []string{"secret"}, Examples: []string{"{secret: bmc/web1}"}},
		"bmc.password.secret": {Text: "A path within the secrets folder: bmc/web1 is the first line of secrets/bmc/web1."},
		keyBMCProtocol:        {Text: "auto finds out, and remembers it: with fingerprint or ca Redfish first, otherwise IPMI first.", Default: ProtocolAuto, Examples: []string{ProtocolRedfish}},
		keyBMCPrivilege:       {Text: "The privilege that a login asks for. What needs administrator (accounts, the BMC's network) asks for that.", Default: PrivilegeOperator, Examples: []string{PrivilegeAdministrator}},
		keyBMCSettle:          {Text: fmt.Sprintf("The time in which a box must reach a new power state, %s to %s.", schema.Plain(minSettle), schema.Plain(maxSettle)), Default: schema.Plain(defaultSettle), Examples: []string{"2m"}},
		keyBMCSystem:          {Text: "Which of several systems behind one BMC is the host, by its Redfish id.", Pattern: redfishID.String(), Examples: []string{"System.Embedded.1"}},
		keyBMCCA:              {Text: "A file of the inventory's folder with the certificates of the BMCs' authority, as PEM.", Pattern: fileForm.String(), Examples: []string{"bmc-ca.pem"}},
		keyBMCOldTLS:          {Text: "Also allow RSA key exchange and TLS 1.0, for BMCs from before 2015.", Default: "false", Examples: []string{"true"}},
		keyBMCConsole:         {Text: "The serial console: auto has it by serial over LAN where the BMC is spoken to by IPMI. sol logs in by IPMI for it also beside Redfish. off has none.", Default: ConsoleAuto, Examples: []string{ConsoleSOL}},
		keyBMCSetup:           {Text: "The installer gives the BMC its address, user and password.", Default: "false", Examples: []string{"true"}},
		"bmc.vendors":         {Text: "Quirks of BMCs by their vendor, as `rackhand bmc HOST` shows it. Layers are merged by vendor.", Names: `^[^ ].*$`},
		"boot":                {Text: "Settings for an unusual way from the firmware to the kernel. Each key counts separately."},
		keyBootProgram:        {Text: "A boot program instead of the usual one for the firmware; `rackhand bootfiles` lists them.", Pattern: fileForm.String(), Examples: []string{"ipxe.efi"}},
		keyBootConsole:        {Text: "The kernel's console, in the installer and in the installed system.", Pattern: consoleForm.String(), Examples: []string{"ttyS1,115200n8"}},
		keyBootArgs:           {Text: "Further arguments of the installer's kernel: one, or a list.", Examples: []string{"[net.ifnames=0]", "quiet"}},
		keyBootVLAN:           {Text: "The 802.1Q VLAN that it uses after its firmware.", Examples: []string{"10"}},
		keyBootSecureBoot:     {Text: "Its firmware starts signed programs only. DHCP can't tell.", Default: "false", Examples: []string{"true"}},
		keyBootProxy:          {Text: "On a dhcp: proxy network: pxe says what to load in the offer itself, binl on port 4011, which UEFI firmware from before 2017 needs.", Default: string(ProxyPXE), Examples: []string{string(ProxyBINL)}},
	}
	for _, key := range []string{keyBMCQuirks, "bmc.vendors.*"} {
		keys[key] = schema.Doc{Text: "In what the BMC differs from its standard. no-readback: its boot override can't be read. settings-object: its override is written to Redfish's Settings object. uefi-disk-0x24: a UEFI boot from disk is device 24h. no-efi-bit: the override is set without the UEFI bit.", Examples: []string{"[no-readback]", "[settings-object, {mode: never}, {cycle: off-on}, {min-pause: 5s}]"}}
		keys[key+".mode"] = schema.Doc{Text: "When Redfish's BootSourceOverrideMode is sent."}
		keys[key+".cycle"] = schema.Doc{Text: "off-on, the default: a cycle is off, seen off, on, seen on. own: the BMC's own command, which must be seen to take effect."}
		keys[key+".min-pause"] = schema.Doc{Text: fmt.Sprintf("The shortest time between two sessions, %s to %s.", schema.Plain(minPause), schema.Plain(maxPause))}
	}
	keys["maintenance"] = schema.Doc{Text: "When a change may restart or reload services. Outside of it a restart stays pending; a service that is down is started at any time."}
	keys[keyMaintenanceWindows] = schema.Doc{Text: "The days on which a window begins, and its times: one, or a list. None: at any time.", Examples: []string{"Sat 02:00-04:00", "[Mon-Fri 22:00-02:00, 03:00-05:00]"}}
	keys[keyMaintenanceZone] = schema.Doc{Text: "The time zone of the windows, by its name in the IANA database.", Default: "UTC", Examples: []string{"Europe/Berlin"}}
	for key, doc := range keys {
		all[prefix+key] = doc
	}
}
