package kickstart

import (
	"regexp"
	"slices"
	"strings"
)

// doubts warns of what Red Hat's parser accepts and an installer will stumble
// over: it looks at the file as a whole.
func doubts(ps *problems, f *File, syntax *Syntax) {
	d := &doubt{ps: ps, defined: map[string]bool{}, groups: map[string]bool{}}
	// What a command's own line has wrong was reported already.
	read := func(c *Command) (Args, bool) {
		spec := syntax.Commands[c.Name]
		if spec == nil || spec.Status != "" {
			return Args{}, false
		}
		own := &problems{}
		args := bind(own, c.Name, spec, c.Words, c.Name == "volgroup")
		return args, len(Errors(own.list)) == 0
	}
	if len(f.Find("%include")) > 0 {
		d.included = true // what is missing here may be there
	}
	for _, c := range f.Find("part", "partition", "raid", "volgroup", "logvol") {
		args, ok := read(c)
		if !ok || len(args.Positionals) == 0 {
			d.included = true
			continue
		}
		d.defined[args.Positionals[0].Text] = true
		if c.Name == "volgroup" {
			d.groups[args.Positionals[0].Text] = true
		}
	}
	for _, c := range f.Commands {
		if ps.full() {
			return
		}
		if args, ok := read(c); ok {
			d.command(c, args)
		}
	}
}

// A doubt knows what the file defines.
type doubt struct {
	ps       *problems
	defined  map[string]bool // mount points, pv.NN, raid.NN
	groups   map[string]bool // volume groups
	included bool            // there is more than this file shows
}

func (d *doubt) command(c *Command, args Args) {
	switch c.Name {
	case "rootpw", "user", "sshpw":
		d.hash(c, args)
	case "raid":
		if !args.Has("--useexisting") && !args.Has("--noformat") && len(args.Positionals) > 1 {
			d.members(c, args.Positionals[1:])
			d.level(c, args)
		}
	case "volgroup":
		if !args.Has("--useexisting") && !args.Has("--noformat") && len(args.Positionals) > 1 {
			d.members(c, args.Positionals[1:])
		}
	case "logvol":
		if vg := args.Value("--vgname"); vg != "" && !d.included && !d.groups[vg] && !args.Has("--useexisting") && !args.Has("--noformat") {
			d.ps.warnf(c.Pos, "add volgroup "+clip(vg), "logvol: the volume group %s is not defined in this file", clip(vg))
		}
	case "part", "partition":
		if len(args.Positionals) == 1 && !slices.ContainsFunc([]string{
			"--size", "--grow", "--recommended", "--hibernation", "--onpart", "--useexisting", "--noformat",
		}, args.Has) && args.Positionals[0].Text != "biosboot" {
			d.ps.warnf(c.Pos, "add --size=MiB", "%s %s has no size", c.Name, clip(args.Positionals[0].Text))
		}
	case "network":
		d.network(c, args)
	}
}

// cryptForm is the form of a crypt(3) hash, those of old and new systems.
var cryptForm = regexp.MustCompile(`^(\$(1|2[abxy]?|5|6|y|gy|7|sha1)\$.+|[./0-9A-Za-z]{13}|[!*].*)$`)

// hash warns of a value that is called a hash and can't be one, and of a password
// that stands in the file as it is. Neither is ever shown.
func (d *doubt) hash(c *Command, args Args) {
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
	switch {
	case args.Has("--iscrypted") && !cryptForm.MatchString(value):
		d.ps.warnf(at, "make one with mkpasswd, and quote it: an unquoted # starts a comment", "%s: --iscrypted, but the value is no crypt(3) hash", c.Name)
	case !args.Has("--iscrypted") && cryptForm.MatchString(value) && strings.HasPrefix(value, "$"):
		d.ps.warnf(at, "add --iscrypted", "%s: this looks like a hash, and would be taken for the password itself", c.Name)
	}
}

func (d *doubt) members(c *Command, members []Word) {
	used := map[string]bool{}
	for _, m := range members {
		switch {
		case used[m.Text]:
			d.ps.warnf(m.Pos, "name each once", "%s: %s stands here twice", c.Name, clip(m.Text))
		case !d.included && !d.defined[m.Text]:
			d.ps.warnf(m.Pos, "add part "+clip(m.Text)+" --size=MiB", "%s: %s is not defined in this file", c.Name, clip(m.Text))
		}
		used[m.Text] = true
	}
}

// level warns of an array with fewer members than its level needs (md(4)).
func (d *doubt) level(c *Command, args Args) {
	need := map[string]int64{"0": 2, "1": 2, "4": 3, "5": 3, "6": 4, "10": 2}
	level := strings.TrimPrefix(strings.ToLower(args.Value("--level")), "raid")
	spares, _ := parseInt(args.Value("--spares"))
	if n := int64(len(args.Positionals)) - 1; n-spares < need[level] {
		d.ps.warnf(c.Pos, "", "raid: level %s needs %d members besides spares, here are %d", level, need[level], n-spares)
	}
}

func (d *doubt) network(c *Command, args Args) {
	if args.Value("--bootproto") == "static" && (args.Value("--ip") == "" || args.Value("--netmask") == "") {
		d.ps.warnf(c.Pos, "", "network: --bootproto=static needs --ip and --netmask")
	}
	for _, n := range []struct {
		flag string
		kind Kind
	}{{"--ip", KindIPv4}, {"--gateway", KindIPv4}, {"--netmask", KindNetmask}, {"--nameserver", KindIPs}} {
		if o, ok := args.Option(n.flag); ok && o.Value != "" {
			if want := n.kind.check(o.Value); want != "" {
				d.ps.warnf(o.ValuePos, "write "+want, "network: %s can't be %q", n.flag, clip(o.Value))
			}
		}
	}
	if o, ok := args.Option("--vlanid"); ok {
		if id, number := parseInt(o.Value); !number || id < 1 || id > 4094 {
			d.ps.warnf(o.ValuePos, "from 1 to 4094", "network: --vlanid can't be %q", clip(o.Value))
		}
	}
}
