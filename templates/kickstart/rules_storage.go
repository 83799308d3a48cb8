package kickstart

import "strings"

// luks are the rules of the encryption options.
func (l *line) luks() {
	if l.number("--pbkdf-time") != 0 && l.number("--pbkdf-iterations") != 0 {
		l.fail(l.at("--pbkdf-iterations"), "leave one of them out", "--pbkdf-time and --pbkdf-iterations exclude each other")
	}
	if l.given("--hw-passphrase") && !(l.args.Has("--encrypted") && strings.HasPrefix(l.args.Value("--luks-version"), "luks2-")) {
		l.fail(l.at("--hw-passphrase"), "", "--hw-passphrase needs --encrypted and a --luks-version that begins with luks2-")
	}
}

// mkfs are the rules of the options that make a file system.
func (l *line) mkfs() {
	l.exclude("--noformat", "--mkfsoptions")
	l.exclude("--fsprofile", "--mkfsoptions")
}

// noBtrfs refuses a file system that a release has no longer.
func (l *line) noBtrfs(in ...Release) {
	if l.args.Value("--fstype") == "btrfs" && l.released(in...) {
		l.fail(l.at("--fstype"), "use xfs or ext4", "%s has no btrfs", l.release)
	}
}

func (l *line) part() {
	l.luks()
	l.mkfs()
	l.noBtrfs(RHEL8, RHEL9, RHEL10)
	mount := l.args.Positionals[0]
	if strings.HasPrefix(mount.Text, "btrfs.") && l.released(RHEL8, RHEL9, RHEL10) {
		l.fail(mount.Pos, "", "%s has no btrfs", l.release)
	}
	if l.args.Has("--resize") && (!l.given("--onpart") || l.number("--size") == 0) {
		l.fail(l.at("--resize"), "", "--resize needs --onpart and --size")
	}
	if l.args.Value("--fstype") == "tmpfs" && (l.args.Has("--grow") || l.number("--maxsize") != 0) {
		l.fail(l.at("--fstype"), "give its --size alone", "tmpfs can't grow")
	}
	if mounted(mount.Text) {
		l.warnRepeat("mount point", l.point(mount.Text), mount)
	}
}

// point is a mount point as the release compares it: up to RHEL 8 as it is written.
func (l *line) point(s string) string {
	if l.released(RHEL7, RHEL8) {
		return s
	}
	return normalPath(s)
}

// leveled reports whether a raid line has a level. RHEL 7 skips one that it
// doesn't know, as if it were missing.
func (l *line) leveled() bool {
	for _, o := range l.args.Options {
		switch {
		case o.Name() != "--level" || o.Value == "" && l.release != RHEL7:
		case l.release != RHEL7 || raidLevel(o.Value):
			return true
		default:
			l.ignores(o, "0, 1, 4, 5, 6, 10 or RAID0 to RAID10")
		}
	}
	return false
}

// ignores warns of a value that the release skips, as if the option were not
// there.
func (l *line) ignores(o Option, hint string) {
	l.ps.Warnf(o.ValuePos, "choose one of "+hint, "%s: %s can't be %q, which this release drops", l.c.Name, o.Name(), Clip(o.Value))
}

func (l *line) raid() {
	l.luks()
	l.mkfs()
	l.noBtrfs(RHEL8, RHEL9, RHEL10)
	if len(l.args.Taken) == 0 {
		l.fail(l.c.Pos, "", "needs a mount point")
		return
	}
	members := l.members()
	for _, w := range l.args.Extra {
		if strings.HasPrefix(w.Text, "-") {
			l.fail(w.Pos, "", "a member's name can't begin with a dash")
			return
		}
	}
	device := l.args.Value("--device")
	if l.released(RHEL7, RHEL8, F42) {
		device = strings.TrimPrefix(device, "md")
	}
	if l.any("--useexisting", "--noformat") {
		if len(members) > 0 {
			l.fail(members[0].Pos, "leave them out", "an existing array has its members already")
		}
		if device == "" {
			l.fail(l.at("--device"), "", "--device names no array")
		}
	} else {
		if len(members) == 0 {
			l.fail(l.c.Pos, "name the raid.NN partitions", "a new array needs its members")
		}
		if !l.leveled() {
			l.fail(l.c.Pos, "", "a new array needs --level")
		}
	}
	l.warnRepeat("array", device, Word{device, l.at("--device")})
}

func (l *line) members() []Word { return Members(l.c, l.args) }

func (l *line) volgroup() {
	name, members := l.args.Taken[0], l.members()
	if len(name) == 0 {
		l.fail(l.c.Pos, "", "needs the group's name")
		return
	}
	switch existing := l.any("--useexisting", "--noformat"); {
	case existing && len(members) > 0:
		l.fail(members[0].Pos, "leave them out", "an existing volume group has its members already")
	case !existing && len(members) == 0:
		l.fail(l.c.Pos, "name the pv.NN partitions", "a new volume group needs its members")
	}
	if l.args.Has("--reserved-space") && l.number("--reserved-space") < 0 {
		l.fail(l.at("--reserved-space"), "in MiB", "--reserved-space can't be negative")
	}
	if p := l.number("--reserved-percent"); l.args.Has("--reserved-percent") && (p < 1 || p > 99) {
		l.fail(l.at("--reserved-percent"), "", "--reserved-percent must be from 1 to 99")
	}
	l.warnRepeat("volume group", name[0].Text, name[0])
}

func (l *line) logvol() {
	l.luks()
	l.mkfs()
	l.noBtrfs(RHEL8, RHEL9, RHEL10)
	existing := l.any("--useexisting", "--noformat")
	size, percent := l.number("--size"), l.number("--percent")
	switch {
	case percent < 0 || percent > 100:
		l.fail(l.at("--percent"), "", "--percent must be from 0 to 100")
	case percent != 0 && size != 0:
		l.fail(l.at("--percent"), "leave one of them out", "--size and --percent exclude each other")
	case percent == 0 && size == 0 && !existing && !l.given("--recommended") && (l.released(RHEL7) || !l.given("--hibernation")):
		l.fail(l.c.Pos, "add --size=MiB or --percent", "a new volume needs a size")
	}
	if l.args.Has("--resize") && (!existing || size == 0) {
		l.fail(l.at("--resize"), "", "--resize needs --useexisting and --size")
	}
	l.exclude("--thinpool", "--thin")
	l.need("--thin", "--poolname")
	for _, f := range []string{"--chunksize", "--metadatasize"} {
		if l.number(f) != 0 && !l.args.Has("--thinpool") {
			l.fail(l.at(f), "", "%s needs --thinpool", f)
		}
	}
	l.cache(existing)
	vg, name := l.args.Value("--vgname"), l.args.Value("--name")
	l.warnRepeat("volume", vg+"/"+name, Word{vg + "/" + name, l.at("--name")})
}

// cache are the rules of a volume's cache.
func (l *line) cache(existing bool) {
	pvs := len(l.args.List("--cachepvs")) > 0
	size := l.number("--cachesize") != 0
	if !pvs && !size && !l.given("--cachemode") {
		return
	}
	at := l.c.Pos
	for _, f := range []string{"--cachemode", "--cachepvs", "--cachesize"} {
		if l.args.Has(f) {
			at = l.at(f)
		}
	}
	switch mode := l.args.Value("--cachemode"); {
	case existing:
		l.fail(at, "", "an existing volume can't be given a cache")
	case l.args.Has("--thin"):
		l.fail(at, "", "a thin volume can't have a cache")
	case !pvs || !size:
		l.fail(at, "", "a cache needs --cachepvs and --cachesize")
	case mode != "" && mode != "writeback" && mode != "writethrough":
		l.fail(l.at("--cachemode"), "choose writeback or writethrough", "--cachemode can't be %q", Clip(mode))
	}
}

func (l *line) btrfs() {
	for _, w := range l.args.Extra {
		if strings.HasPrefix(w.Text, "-") {
			l.fail(w.Pos, "", "a member's name can't begin with a dash")
			return
		}
	}
	switch len(l.args.Extra) {
	case 0:
		l.fail(l.c.Pos, "", "needs a mount point, or none")
		return
	case 1:
		l.fail(l.c.Pos, "", "needs its members")
	}
	if l.args.Has("--subvol") && !l.given("--name") {
		l.fail(l.at("--subvol"), "", "--subvol needs --name")
	}
	l.exclude("--noformat", "--mkfsoptions")
	l.exclude("--useexisting", "--mkfsoptions")
	mount := l.args.Extra[0]
	if mount.Text != "none" { // two volumes that aren't mounted are two
		l.warnRepeat("btrfs mount point", l.point(mount.Text), mount)
	}
}

func (l *line) autopart() {
	l.luks()
	if l.args.Value("--fstype") == "btrfs" {
		l.fail(l.at("--fstype"), "write --type=btrfs where the release has it", "--fstype can't be btrfs")
	}
	// Settings of an earlier line stay in force: --type and --fstype merge.
	if l.given("--fstype") {
		l.state.autopartFS = l.args.Value("--fstype")
	}
	if t := l.autopartType(); t != "" {
		l.state.autopartType = t
	}
	if l.state.autopartType == "btrfs" {
		switch {
		case l.released(RHEL8, RHEL9, RHEL10):
			l.fail(l.at("--type"), "choose lvm, plain or thinp", "%s has no btrfs", l.release)
		case l.state.autopartFS != "":
			l.fail(l.at("--type"), "leave one of them out", "--type=btrfs and --fstype exclude each other")
		}
	}
	l.exclude("--noswap", "--hibernation")
}

// autopartType is the result of --type and --nolvm, which is --type=plain. The last of them
// counts. In RHEL 7 the first one counts, and an unknown word is skipped.
func (l *line) autopartType() string {
	out := ""
	for _, o := range l.args.Options {
		t := ""
		switch o.Name() {
		case "--type":
			t = strings.ToLower(o.Value)
		case "--nolvm":
			t = "plain"
		}
		form := typeForms["_type_cb"]
		switch {
		case o.Name() == "--type" && l.released(RHEL7) && !form.good(t):
			l.ignores(o, form.hint)
		case t != "" && (out == "" || l.release != RHEL7):
			out = t
		}
	}
	return out
}

func (l *line) ignoredisk() {
	flags := []string{"--drives", "--only-use"}
	// An earlier line's list stays in force.
	for _, f := range flags {
		if l.args.Has(f) {
			l.state.ignoredisk[f] = l.listed(f)
		}
	}
	if l.released(RHEL7, RHEL8) { // this flag doesn't stay
		flags = append(flags, "--interactive")
		l.state.ignoredisk["--interactive"] = l.args.Has("--interactive")
	}
	set := 0
	for _, f := range flags {
		if l.state.ignoredisk[f] {
			set++
		}
	}
	switch {
	case set > 1:
		l.fail(l.c.Pos, "leave one of them out", "%s exclude each other", strings.Join(flags, " and "))
	case set == 0:
		l.fail(l.c.Pos, "", "needs one of %s", strings.Join(flags, ", "))
	}
}

func (l *line) mount() {
	at := l.args.Taken[1][0]
	if !strings.HasPrefix(at.Text, "/") && strings.ToLower(at.Text) != "none" {
		l.fail(at.Pos, "write /PATH or none", "the mount point can't be %q", Clip(at.Text))
	}
	if l.given("--mkfsoptions") && !l.args.Has("--reformat") { // whose value is optional (RHEL 7: not so)
		l.fail(l.at("--mkfsoptions"), "", "--mkfsoptions needs --reformat")
	}
}

func (l *line) snapshot() {
	origin := l.args.Positionals[0]
	vg, lv, slash := strings.Cut(origin.Text, "/")
	if !slash || vg == "" || lv == "" || strings.Contains(lv, "/") {
		l.fail(origin.Pos, "write VG/VOLUME", "the origin can't be %q", Clip(origin.Text))
	}
	name := l.args.Value("--name")
	if l.seen("snapshot", name, l.c.Pos) != 0 {
		l.fail(l.at("--name"), "give it another name", "a second snapshot of this name")
	}
}

func (l *line) nvdimm() {
	l.exclude("--namespace", "--blockdevs")
	action := l.args.Taken[0][0].Text
	switch {
	case action == "reconfigure" && (!l.given("--namespace") || l.number("--sectorsize") == 0):
		l.fail(l.c.Pos, "", "reconfigure needs --namespace and --sectorsize")
	case action == "use" && !l.any("--namespace", "--blockdevs") && (l.release != RHEL7 || !l.args.Has("--namespace") && !l.args.Has("--blockdevs")):
		l.fail(l.c.Pos, "", "use needs --namespace or --blockdevs")
	}
	l.warnRepeat("device", action+" "+l.args.Value("--namespace")+" "+strings.Join(l.args.List("--blockdevs"), ","), Word{action, l.c.Pos})
}

func (l *line) zfcp() {
	if !l.released(RHEL7) {
		switch {
		case !l.given("--devnum"):
			l.fail(l.at("--devnum"), "", "--devnum is empty")
		case l.given("--wwpn") != l.given("--fcplun"):
			l.fail(l.c.Pos, "", "--wwpn and --fcplun go together")
		}
	}
	key := l.args.Value("--devnum") + " " + l.args.Value("--wwpn") + " " + l.args.Value("--fcplun")
	if l.released(RHEL7) {
		l.refuseRepeat("device "+Clip(key), "", l.c.Pos)
		return
	}
	l.warnRepeat("device", key, Word{key, l.c.Pos})
}

func (l *line) deviceModule() { l.count(l.args.Extra, 1, 1, "one module's name") }
