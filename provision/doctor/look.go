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
	"sync"
	"time"

	"rackhand/bootfiles"
	"rackhand/inventory"
)

// A Target is a link to look at.
type Target struct {
	Link string
	// Address is our address on the link by the configuration; invalid: the link's own
	// address.
	Address netip.Addr
}

// LookAll looks at some links at once; o holds all but their Target.
func LookAll(ctx context.Context, targets []Target, o Options) []Report {
	reports := make([]Report, len(targets))
	var wg sync.WaitGroup
	// Ids are drawn from one source, which need not bear several readers.
	o.Random = &sharedReader{r: o.Random}
	for i, t := range targets {
		o.Target = t
		mine := o
		wg.Go(func() { reports[i] = Look(ctx, mine) })
	}
	wg.Wait()
	return reports
}

type sharedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (s *sharedReader) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.Read(b)
}

// Options are the options of a look at a link. All but Snapshot, Address and Wait must be
// set.
type Options struct {
	Target
	Snapshot *inventory.Snapshot // nil without an inventory
	Ports    []Port
	Random   io.Reader
	Wait     time.Duration // for answers; 0: about 4 s
	Machine
}

// A Machine gives access to the link's surroundings: programs, ports, files.
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

// Look looks at one link. It takes about as long as Options.Wait. A check that can't be
// made becomes a finding.
func Look(ctx context.Context, o Options) Report {
	r := Report{Link: o.Link, Answers: []Answerer{}}
	l, all, err := o.settled(ctx)
	if err != nil {
		r.Findings = []Finding{{Problem, err.Error(), "", true}}
		return r
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
		return r // no server to ask, no box to serve
	}
	if l.Carrier && errors.Is(r.ask(ctx, o, n, all), ErrNoLink) {
		l.Carrier = false // it went down, or the kernel was slow to say so
		r.Findings = judgeLink(l, all, o.Snapshot, o.Address)
	}
	r.Findings = append(r.Findings, o.ports(ctx, r.Address)...)
	r.Findings = append(r.Findings, Firewall(ctx, o.Run, o.Link, o.Ports)...)
	return r
}

// settled reads the links; one that was just switched on gets a moment for its
// carrier.
func (o Options) settled(ctx context.Context) (l Link, all []Link, err error) {
	for range 8 {
		if all, err = Links(o.Machine); err != nil {
			return l, nil, err
		}
		l = Link{Name: o.Link}
		if i := slices.IndexFunc(all, func(x Link) bool { return x.Name == o.Link }); i >= 0 {
			l = all[i]
		}
		if !l.Serves() || l.Carrier {
			break
		}
		select {
		case <-ctx.Done():
			return l, all, ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
	return l, all, nil
}

// ask asks who answers, and judges it. ErrNoLink is all that it leaves to the caller.
func (r *Report) ask(ctx context.Context, o Options, n *inventory.Network, all []Link) error {
	mac, err := MAC(o.Random)
	if err == nil {
		r.Answers, err = Ask(ctx, AskOptions{Link: o.Link, MAC: mac, Random: o.Random, Wait: o.Wait})
	}
	if r.Answers == nil {
		r.Answers = []Answerer{}
	}
	switch {
	case errors.Is(err, ErrNoLink):
		return err
	case err != nil:
		r.Findings = append(r.Findings, Finding{Note, "the search for other DHCP servers failed: " + err.Error(), "run it as root", true})
		return nil
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
	return nil
}

// Own marks those answerers that are this machine, by its addresses.
func Own(answers []Answerer, mine ...netip.Addr) {
	for i := range answers {
		a := &answers[i]
		a.Ours = slices.Contains(mine, a.Server) && (a.Relay.IsValid() || slices.Contains(mine, a.Source))
	}
}

// ports looks at the ports of one link. It also looks at ports that the network's mode
// doesn't open, because modes change.
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

// Programs lists the boot programs that are missing, by what to do about them. Those
// for arm64 are worth a note only, unless the inventory has a system for it.
func Programs(files *bootfiles.Files, snap *inventory.Snapshot) []Finding {
	list, err := files.List()
	if err != nil {
		return []Finding{{Problem, "the boot programs: " + err.Error(), "look at `bootfiles:` in rackhand.yaml", false}}
	}
	return judgePrograms(list, snap)
}

func judgePrograms(list []bootfiles.File, snap *inventory.Snapshot) []Finding {
	arm64 := false
	if snap != nil {
		for _, s := range snap.Systems {
			arm64 = arm64 || s.Processor() == inventory.ArchARM64
		}
	}
	type group struct {
		level Level
		hint  string
	}
	var order []group
	missing := map[group][]string{}
	for _, f := range list {
		if f.Missing == "" {
			continue
		}
		g := group{Warning, f.Missing}
		if _, after, ok := strings.Cut(f.Missing, f.Name+": "); ok {
			g.hint = after // the text before only repeats that it is missing
		}
		if !arm64 && (strings.Contains(f.Name, "aa64") || strings.Contains(f.Name, "arm64")) {
			g.level = Note
		}
		if missing[g] == nil {
			order = append(order, g)
		}
		missing[g] = append(missing[g], f.Name)
	}
	if len(order) == 0 {
		return []Finding{{OK, fmt.Sprintf("all %d boot programs are there", len(list)), "", false}}
	}
	var out []Finding
	for _, g := range order {
		text := "missing boot programs: " + strings.Join(missing[g], ", ")
		if g.level == Note {
			text += "; only arm64 boxes need them"
		}
		out = append(out, Finding{g.level, text, g.hint, false})
	}
	return out
}
