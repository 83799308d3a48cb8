package appliance

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"rackhand/provision"
	"rackhand/provision/installlog"
	"rackhand/provision/syslog"
)

// strangerLooks is how many senders that aren't at a host's address are looked up a second.
const strangerLooks = 200

// lateLines is how long after its install has failed the last lines of an installer may come:
// they say why, and have a connection of their own.
const lateLines = 10 * time.Second

// syslogSockets opens syslog's ports on every link.
func (a *Appliance) syslogSockets() (all []func(context.Context) error, closeAll func(), err error) {
	var open []*syslog.Sockets
	closeAll = func() {
		for _, x := range open {
			_ = x.Close()
		}
	}
	// Finding the host of an address that the inventory doesn't name means reading all
	// leases. A stream of forged addresses must not cause that for each packet.
	looks := rate.NewLimiter(strangerLooks, strangerLooks)
	sender := func(ctx context.Context, from netip.Addr) syslog.Install {
		if a.holder.Current().HostByAddress(from) == nil && !looks.Allow() {
			return syslog.Install{}
		}
		return a.logSender(ctx, from)
	}
	keep := func(id, text string, connected bool) error {
		if connected {
			return a.logs.Append(id, text)
		}
		return a.logs.AppendUntrusted(id, text)
	}
	for _, addr := range a.addresses() {
		at := netip.AddrPortFrom(addr, syslog.Port)
		s := syslog.New(syslog.Options{
			Listen: at, Sender: sender, Admit: a.web.MayLog, Keep: keep, Mask: installlog.Mask, OnProgress: a.packagesCame,
			Record: a.journal, Trace: a.observe, Clock: a.Clock, Log: a.Log,
		})
		x, err := s.Open()
		if err != nil {
			closeAll()
			return nil, nil, cannotListen("syslog", at.String(), err)
		}
		open = append(open, x)
		all = append(all, func(ctx context.Context) error { return s.Run(ctx, x) })
	}
	return all, closeAll, nil
}

// logSender is the install under way of the host at an address. Most packets that
// anybody sends here cost no more than a look at the inventory.
func (a *Appliance) logSender(ctx context.Context, from netip.Addr) syslog.Install {
	snap := a.holder.Current()
	if snap.NetworkOf(from) == nil {
		return syslog.Install{}
	}
	host := a.web.HostOf(ctx, from)
	in, ok := a.journal.Install(host)
	if host == "" || !ok || in.Stage.Ended() && !(in.Stage == provision.Failed && a.journal.Counted().Sub(in.Ended) <= lateLines) {
		return syslog.Install{}
	}
	return syslog.Install{Host: host, ID: in.ID, Attempt: in.Attempts, Known: a.web.Masked(host)}
}

// packagesCame records how far the packages of an install are. A message by UDP may be
// forged: it shows the progress of a stage that the installer itself has reported, and
// begins none.
func (a *Appliance) packagesCame(p syslog.Progress) error {
	_, err := a.journal.Update(p.Host, p.ID, func(in provision.Install) (provision.Install, provision.Event, error) {
		at := in.Stage.Rank()
		if in.Attempts != p.Attempt || at >= provision.Installed.Rank() || at < provision.Script.Rank() || !p.Connected && at < provision.Packages.Rank() {
			return in, provision.Event{}, fmt.Errorf("packages of %s, which is at %s", in.ID, in.Stage)
		}
		if p.Known != nil {
			p.Package = p.Known(p.Package)
		}
		e := provision.Event{
			Source: "syslog", Kind: provision.KindProgress, Stage: provision.Packages,
			Message: fmt.Sprintf("%d of %d packages", p.N, p.Total), Fields: map[string]string{"package": p.Package},
		}
		switch {
		case p.Complete && (!p.Connected || in.Packed):
			return in, provision.Event{}, nil // a datagram must not end an attempt
		case p.Complete:
			e.Kind, e.Message, e.Fields = provision.KindPacked, "all packages are installed, as its log says", nil
		case p.Total == 0:
			e.Message = "packages are being installed; their number is not known"
		}
		// A line of a log doesn't count as a report of the installer: the installed system may
		// log to the same place.
		if p.Complete {
			in.Packed = true
		}
		return in, e, nil
	})
	return err
}

// maskedLogs are the logs of installers, for the journal. Their lines were masked when they
// came, and are masked again: a secret may have been noted since.
type maskedLogs struct{ a *Appliance }

func (m maskedLogs) Size(install string) int64 { return m.a.logs.Size(install) }

func (m maskedLogs) Tail(host, install string) ([]string, error) {
	lines, err := m.a.logs.Tail(install)
	known := m.a.web.Masked(host)
	for i, l := range lines {
		lines[i] = installlog.Mask(l, known)
	}
	return lines, err
}
