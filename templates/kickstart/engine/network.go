package engine

import (
	"cmp"
	"fmt"

	"rackhand/templates/kickstart"
)

// imageHint says what to write instead of a command that only Anaconda can carry out. It
// is "" for other commands.
func imageHint(name string) string {
	switch name {
	case "url", "nfs", "harddrive", "cdrom", "ostreesetup", "ostreecontainer":
		return "the system is an image: liveimg --url=URL --checksum=SHA256; packages come from repo lines. The system's unsupported: skip takes a Kickstart as it is"
	case "auth", "authconfig", "authselect", "realm":
		return "run the tool in a %post"
	case "module":
		return "enable it in the image, or run dnf in a %post"
	}
	return ""
}

// imageNetwork checks which options of a network line need each other, and that no two
// lines set up one device.
func imageNetwork(ps *kickstart.Problems, f *kickstart.File) {
	devices, members := map[string]int{}, map[string]int{}
	for _, c := range f.Find("network") {
		_, args, problems := ReadCommand(f, c)
		if len(kickstart.Errors(problems)) > 0 {
			continue
		}
		imageAddressing(ps, c, args)
		need := func(flag string, others ...string) {
			if !args.Has(flag) {
				return
			}
			for _, o := range others {
				if args.Has(o) {
					return
				}
			}
			o, _ := args.Option(flag)
			ps.Errorf(o.Pos, "", "network: %s needs %s", flag, others[0])
		}
		need("--bondopts", "--bondslaves")
		need("--bridgeopts", "--bridgeslaves")
		need("--interfacename", "--vlanid")
		bond, bridge := args.Has("--bondslaves"), args.Has("--bridgeslaves")
		device := args.Value("--device")
		switch {
		case bond && bridge:
			ps.Errorf(c.Pos, "a line for each: the bridge's --bridgeslaves names the bond", "network: one device can't be a bond and a bridge")
		case (bond || bridge) && (device == "link" || device == "bootif" || kickstart.KindIface.Check(device) != ""):
			ps.Errorf(c.Pos, "write --device=bond0", "network: a bond or bridge needs a name by --device")
		case device == "ibft":
			ps.Errorf(c.Pos, "", "rackhand-installer can't carry out network --device=ibft")
		}
		for _, m := range append(args.List("--bondslaves"), args.List("--bridgeslaves")...) {
			if first, ok := members[m]; ok {
				ps.Errorf(c.Pos, "", "network: %s is made a member twice; first in line %d", kickstart.Clip(m), first)
			}
			members[m] = c.Pos.Line
		}
		if args.Has("--bootproto") || args.Has("--device") || args.Has("--ip") {
			key := cmp.Or(args.Value("--interfacename"), fmt.Sprintf("%s.%d", device, kickstart.Count(args.Value("--vlanid"))))
			if first, ok := devices[key]; ok {
				ps.Errorf(c.Pos, "", "network: a second line for the same device; first in line %d", first)
			}
			devices[key] = c.Pos.Line
		}
	}
}

// imageAddressing checks the address options of a line.
func imageAddressing(ps *kickstart.Problems, c *kickstart.Command, args kickstart.Args) {
	static, no4 := args.Value("--bootproto") == "static", args.Has("--noipv4")
	if static && !no4 && (!args.Has("--ip") || !args.Has("--netmask")) {
		ps.Errorf(c.Pos, "", "network --bootproto=static needs --ip and --netmask")
	}
	for _, flag := range []string{"--ip", "--netmask", "--gateway"} {
		if o, ok := args.Option(flag); ok && (!static || no4) {
			ps.Errorf(o.Pos, "", "network: %s needs --bootproto=static", flag)
		}
	}
	v6 := args.Value("--ipv6")
	if o, ok := args.Option("--ipv6gateway"); ok && (v6 == "" || v6 == "auto" || v6 == "dhcp") {
		ps.Errorf(o.Pos, "", "network: --ipv6gateway needs --ipv6=ADDRESS")
	}
	if o, ok := args.Option("--noipv6"); ok && v6 != "" {
		ps.Errorf(o.Pos, "leave one of them out", "network: --noipv6 and --ipv6 exclude each other")
	}
}

// imageRepeats reports a second line of commands that may appear once.
func imageRepeats(ps *kickstart.Problems, f *kickstart.File) {
	for _, name := range []string{"logging", "firewall"} {
		if lines := f.Find(name); len(lines) > 1 {
			ps.Errorf(lines[1].Pos, "leave one of them out", "a second %s; the first is in line %d", name, lines[0].Pos.Line)
		}
	}
	seen := map[string]int{}
	for _, c := range f.Find("repo") {
		_, args, problems := ReadCommand(f, c)
		if len(kickstart.Errors(problems)) > 0 {
			continue
		}
		if first, ok := seen[args.Value("--name")]; ok {
			ps.Errorf(c.Pos, "", "a second repo %s; the first is in line %d", args.Value("--name"), first)
		}
		seen[args.Value("--name")] = c.Pos.Line
	}
	sections := 0
	for _, s := range f.Sections {
		if s.Name == "%packages" {
			if sections++; sections > 1 {
				ps.Errorf(s.Pos, "put the packages together", "a second %%packages")
			}
		}
	}
}
