package kickstart

import (
	"strings"
)

func (l *line) bootloader() {
	l.exclude("--sdboot", "--extlinux")
	if strings.Contains(l.args.Value("--boot-drive"), ",") {
		l.fail(l.at("--boot-drive"), "name one; --driveorder takes several", "--boot-drive names one drive")
	}
}

func (l *line) cmdline() {
	if l.args.Has("--non-interactive") {
		l.fail(l.at("--non-interactive"), "leave it out", "cmdline asks nothing anyway")
	}
}

func (l *line) driverdisk() {
	n := len(l.args.Taken[0])
	for _, f := range []string{"--source", "--biospart"} {
		if l.given(f) {
			n++
		}
	}
	if n != 1 {
		l.fail(l.c.Pos, "", "needs exactly one of a partition, --source, --biospart")
	}
}

func (l *line) eula() {
	if len(l.args.Options) == 0 {
		l.fail(l.c.Pos, "", "needs --agreed")
	}
}

func (l *line) harddrive() {
	if !l.released(RHEL7, RHEL8) {
		return
	}
	set := 0
	for _, f := range []string{"--partition", "--biospart"} {
		if l.args.Has(f) { // an empty one counts
			l.state.harddrive[f] = true // stays in force for a later line
		}
		if l.state.harddrive[f] {
			set++
		}
	}
	if set != 1 {
		l.fail(l.c.Pos, "", "needs exactly one of --partition, --biospart")
	}
}

func (l *line) install() {
	if o, ok := l.args.Option("--root-device"); ok && o.Value == "" {
		l.fail(o.Pos, "", "--root-device is empty")
	}
}

func (l *line) keyboard() {
	l.count(l.args.Taken[0], 0, 1, "")
	if l.given("--xlayouts") {
		l.state.xlayouts = len(l.args.List("--xlayouts")) > 0
	}
	word := len(l.args.Taken[0]) > 0 // an empty one counts
	if !word && !l.given("--vckeymap") && !l.state.xlayouts {
		l.fail(l.c.Pos, "write keyboard us", "needs a keyboard, --vckeymap or --xlayouts")
	}
}

func (l *line) logging() {
	l.need("--port", "--host")
}

func (l *line) network() {
	l.bridge()
	if l.released(RHEL7) {
		l.interfaceName()
	}
	if l.given("--bindto") && l.given("--vlanid") && !l.given("--bondopts") {
		l.fail(l.at("--bindto"), "", "--bindto doesn't go with --vlanid")
	}
	for _, f := range []string{"--ipv4-dns-search", "--ipv6-dns-search", "--ipv4-ignore-auto-dns", "--ipv6-ignore-auto-dns"} {
		l.need(f, "--device")
	}
}

// bridge checks --bridgeopts: key=value, comma separated.
func (l *line) bridge() {
	if !l.given("--bridgeopts") {
		return
	}
	l.need("--bridgeopts", "--bridgeslaves")
	for item := range strings.SplitSeq(l.args.Value("--bridgeopts"), ",") {
		_, value, ok := strings.Cut(strings.TrimSpace(item), "=")
		if !ok || value == "" || strings.Contains(value, "=") {
			l.fail(l.at("--bridgeopts"), "write KEY=VALUE,KEY=VALUE", "--bridgeopts has %q", Clip(item))
			return
		}
	}
}

// interfaceName checks --interfacename as RHEL 7 does: a VLAN's number is its end.
func (l *line) interfaceName() {
	name := l.args.Value("--interfacename")
	number := func(s string) bool {
		n, ok := python2Int(s, 10)
		return ok && n >= 0 && n <= 4095
	}
	prefix, id, dotted := strings.Cut(name, ".")
	bad := false
	switch rest, vlan := strings.CutPrefix(name, "vlan"); {
	case dotted:
		bad = prefix == "vlan" || !number(id)
	case vlan:
		bad = !number(rest)
	}
	if bad {
		l.fail(l.at("--interfacename"), "write vlan10 or eth0.10", "--interfacename can't be %q", Clip(name))
	}
}

func (l *line) ostreesetup() {
	url := l.args.Value("--url")
	for _, scheme := range []string{"file:", "http:", "https:"} {
		if strings.HasPrefix(url, scheme) {
			return
		}
	}
	l.fail(l.at("--url"), "", "--url must begin with file:, http: or https:")
}

func (l *line) repo() {
	l.oneSource(false)
	l.warnRepeat("repository", l.args.Value("--name"), Word{l.args.Value("--name"), l.at("--name")})
}

func (l *line) url() { l.oneSource(true) }

// oneSource checks that at most one source is given, or exactly one.
func (l *line) oneSource(need bool) {
	flags := []string{"--url", "--mirrorlist", "--metalink"}
	if l.c.Name == "repo" {
		flags[0] = "--baseurl"
	}
	if l.released(RHEL7) {
		flags = flags[:2]
	}
	var given []string
	for _, f := range flags {
		if l.given(f) {
			given = append(given, f)
		}
	}
	switch {
	case len(given) > 1:
		l.fail(l.at(given[1]), "leave one of them out", "%s and %s exclude each other", given[0], given[1])
	case len(given) == 0 && need:
		l.fail(l.c.Pos, "", "needs one of %s", strings.Join(flags, ", "))
	}
}

func (l *line) rescue() { l.exclude("--nomount", "--romount") }

func (l *line) rhsm() {
	for _, o := range l.args.Options {
		if o.Name() == "--activation-key" && o.Value == "" && !o.lost {
			l.fail(o.Pos, "", "--activation-key is empty")
		}
	}
}

// module warns if a release no longer has the command, but still reads its words.
func (l *line) module() {
	if l.released(RHEL10) {
		l.ps.Warnf(l.c.Pos, "leave it out", "module is deprecated in %s and has no effect", l.release)
	}
}

func (l *line) rootpw() {
	empty := len(l.args.Taken[0]) == 0 || l.args.Taken[0][0].Text == "" && !l.released(RHEL7)
	if empty && !l.args.Has("--lock") {
		l.fail(l.c.Pos, "", "needs a password, or --lock")
	}
}

func (l *line) services() {
	for _, f := range []string{"--enabled", "--disabled"} {
		if l.args.Has(f) {
			l.state.services[f] = l.listed(f) // stays in force for a later line
		}
	}
	if !l.state.services["--enabled"] && !l.state.services["--disabled"] {
		l.fail(l.c.Pos, "", "needs --enabled or --disabled with a list")
	}
}

func (l *line) sshpw() { l.count(l.args.Taken[0], 1, 1<<30, "a password") }

func (l *line) timesource() {
	given := 0
	for _, f := range []string{"--ntp-server", "--ntp-pool", "--ntp-disable"} {
		if l.given(f) {
			given++
		}
	}
	if given != 1 {
		l.fail(l.c.Pos, "a line for each server", "needs exactly one of --ntp-server, --ntp-pool, --ntp-disable")
	}
}

func (l *line) timezone() {
	l.count(l.args.Taken[0], 0, 1, "")
	if len(l.args.Taken[0]) == 0 && len(l.args.Options) == 0 {
		l.fail(l.c.Pos, "write timezone Europe/Berlin --utc", "needs a zone")
	}
	l.exclude("--nontp", "--ntpservers")
	for _, o := range l.args.Options { // the table doesn't say so of this release
		if instead := insteadOf("timezone", o.Name()); instead != "" && l.released(RHEL9) {
			l.ps.Warnf(o.Pos, instead, "timezone %s is deprecated in this release", o.Name())
		}
	}
}

func (l *line) updates() {
	l.count(l.args.Taken[0], 0, 1, "")
}

// vnc is checked in RHEL 7 alone: the server cuts a longer password off.
func (l *line) vnc() {
	o, ok := l.args.Option("--password")
	if n := len(o.Value); ok && l.released(RHEL7) && n > 0 && (n < 6 || n > 8) {
		l.fail(o.ValuePos, "", "--password must have 6 to 8 characters")
	}
}
