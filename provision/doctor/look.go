package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"rackhand/bootfiles"
	"rackhand/inventory"
)

// Options are what a look at a link needs. All but Snapshot, Address and Wait must be
// set.
type Options struct {
	Link string
	// Address is what the configuration gives for ours on the link; invalid: the
	// link's own.
	Address  netip.Addr
	Snapshot *inventory.Snapshot // nil when there is none
	Ports    []Port
	Random   io.Reader
	Wait     time.Duration // for answers; 0: about 4 s
	Machine
}

// A Machine is what is looked at around the link.
type Machine struct {
	Sys, Conf, Proc fs.FS // /sys/class/net, /proc/sys/net/ipv4/conf, /proc
	Run             Tool
	LockDir         string
}

// ThisMachine is the machine that we run on.
func ThisMachine() Machine {
	return Machine{
		Sys: os.DirFS("/sys/class/net"), Conf: os.DirFS("/proc/sys/net/ipv4/conf"), Proc: os.DirFS("/proc"),
		Run: Run, LockDir: LockDir,
	}
}

// Look looks at one link. It takes about as long as Options.Wait. Whatever can't be
// looked at is a finding that says so.
func Look(ctx context.Context, o Options) Report {
	r := Report{Link: o.Link, Answers: []Answerer{}}
	all, err := Links(o.Sys, o.Conf)
	if err != nil {
		r.Findings = []Finding{{Problem, err.Error(), "", true}}
		return r
	}
	l := Link{Name: o.Link}
	if i := slices.IndexFunc(all, func(x Link) bool { return x.Name == o.Link }); i >= 0 {
		l = all[i]
	}
	var n *inventory.Network
	r.Address, n = l.network(o.Snapshot)
	if o.Address.IsValid() {
		r.Address = o.Address
		if n = nil; o.Snapshot != nil {
			n = o.Snapshot.NetworkOf(o.Address)
		}
	}
	if n != nil {
		r.Network, r.Mode = n.Name, n.Mode()
	}
	r.Findings = judgeLink(l, all, o.Snapshot, o.Address)
	if !l.Serves() {
		return r // nothing to ask, and nobody to serve
	}
	if l.Carrier {
		r.ask(ctx, o, n, all)
	}
	r.Findings = append(r.Findings, o.ports(ctx, r.Address)...)
	r.Findings = append(r.Findings, Firewall(ctx, o.Run, o.Link, o.Ports)...)
	return r
}

// ask asks who answers, and judges it.
func (r *Report) ask(ctx context.Context, o Options, n *inventory.Network, all []Link) {
	mac, err := MAC(o.Random)
	if err == nil {
		r.Answers, err = Ask(ctx, AskOptions{Link: o.Link, MAC: mac, Random: o.Random, Wait: o.Wait})
	}
	switch {
	case errors.Is(err, ErrNoLink):
		r.Findings = append(r.Findings, Finding{Problem, err.Error(), "", false})
		return
	case err != nil:
		r.Answers = []Answerer{}
		r.Findings = append(r.Findings, Finding{Note, "who else answers DHCP could not be looked at: " + err.Error(), "run it as root", true})
		return
	}
	if r.Answers == nil {
		r.Answers = []Answerer{}
	}
	var mine []netip.Addr
	for _, l := range all {
		for _, a := range l.Addrs {
			mine = append(mine, a.Addr())
		}
	}
	Own(r.Answers, append(mine, r.Address)...)
	r.Fits, r.Why = Fits(r.Answers)
	r.Findings = append(r.Findings, Judge(n, r.Answers)...)
}

// Own marks those answerers that are this machine, by its addresses.
func Own(answers []Answerer, mine ...netip.Addr) {
	for i := range answers {
		a := &answers[i]
		a.Ours = slices.Contains(mine, a.Server) && (a.Relay.IsValid() || slices.Contains(mine, a.Source))
	}
}

// ports looks at the ports of one link. One that isn't opened in the network's mode
// is looked at all the same: modes change.
func (o Options) ports(ctx context.Context, addr netip.Addr) []Finding {
	pid, running, err := Holder(o.LockDir, o.Link)
	if err != nil {
		running = false
	}
	var out []Finding
	if running {
		out = append(out, Finding{OK, fmt.Sprintf("an appliance serves %s: process %d", o.Link, pid), "", false})
	}
	if !addr.IsValid() {
		return out // judgeLink has said so
	}
	for _, p := range o.Ports {
		taken, err := Taken(ctx, o.Link, addr, p)
		out = append(out, judgePort(p, taken, err, Holders(o.Proc, p.Network, p.Port), pid, running))
	}
	return out
}

// Programs lists the boot programs that are missing, by what to do about them.
func Programs(files *bootfiles.Files) []Finding {
	list, err := files.List()
	if err != nil {
		return []Finding{{Problem, "the boot programs: " + err.Error(), "look at `bootfiles:` in rackhand.yaml", false}}
	}
	var why []string
	missing := map[string][]string{}
	for _, f := range list {
		if f.Missing == "" {
			continue
		}
		if missing[f.Missing] == nil {
			why = append(why, f.Missing)
		}
		missing[f.Missing] = append(missing[f.Missing], f.Name)
	}
	if len(why) == 0 {
		return []Finding{{OK, fmt.Sprintf("all %d boot programs are there", len(list)), "", false}}
	}
	var out []Finding
	for _, w := range why {
		out = append(out, Finding{Warning, "boot program " + strings.Join(missing[w], ", ") + " is missing: " + w, "", false})
	}
	return out
}
