package plan

import "rackhand/templates/kickstart"

// A TimeSource is where the clock is set from.
type TimeSource struct {
	Name string
	Pool bool // a name with several addresses
	NTS  bool // authenticated (RFC 8915)
}

// String is the source in chrony.conf(5).
func (t TimeSource) String() string {
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

// TimeStep sets the time sources of the installed system, for chrony or systemd-timesyncd,
// whichever it has.
type TimeStep struct {
	Sources []TimeSource
	Disable bool
}

// String describes the step.
func (s TimeStep) String() string {
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
		r.Time.Sources = append(r.Time.Sources, TimeSource{Name: name})
	}
	if a.Has("--nontp") || a.Has("--ntp-disable") {
		r.Time.Disable = true
	}
	if s := a.Value("--ntp-server"); s != "" {
		r.Time.Sources = append(r.Time.Sources, TimeSource{Name: s, NTS: a.Has("--nts")})
	}
	if s := a.Value("--ntp-pool"); s != "" {
		r.Time.Sources = append(r.Time.Sources, TimeSource{Name: s, Pool: true, NTS: a.Has("--nts")})
	}
}
