package installer

import "rackhand/templates/kickstart"

// A timeSource is where the clock is set from.
type timeSource struct {
	Name string
	Pool bool // a name with several addresses
	NTS  bool // authenticated (RFC 8915)
}

// String is the source in chrony.conf(5).
func (t timeSource) String() string {
	out := "server "
	if t.Pool {
		out = "pool "
	}
	out += t.Name + " iburst"
	if t.NTS {
		out += " nts"
	}
	return out
}

// timeStep says where the installed system's clock is set from, for chrony or
// systemd-timesyncd, whichever it has.
type timeStep struct {
	Sources []timeSource
	Disable bool
}

func (s timeStep) String() string {
	if s.Disable {
		return "no time from the network"
	}
	out := "time from"
	for _, t := range s.Sources {
		out += " " + t.String()
	}
	return out
}

// readTime takes the time sources of timezone and timesource lines.
func (r *Recipe) readTime(a kickstart.Args) {
	for _, name := range a.List("--ntpservers") {
		r.time.Sources = append(r.time.Sources, timeSource{Name: name})
	}
	if a.Has("--nontp") || a.Has("--ntp-disable") {
		r.time.Disable = true
	}
	if s := a.Value("--ntp-server"); s != "" {
		r.time.Sources = append(r.time.Sources, timeSource{Name: s, NTS: a.Has("--nts")})
	}
	if s := a.Value("--ntp-pool"); s != "" {
		r.time.Sources = append(r.time.Sources, timeSource{Name: s, Pool: true, NTS: a.Has("--nts")})
	}
}
