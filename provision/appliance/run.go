package appliance

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"rackhand/provision"
	"rackhand/provision/conduct"
	"rackhand/provision/notify"
	"rackhand/provision/routeradvert"
	"rackhand/provision/state"
	"rackhand/provision/store"
	"rackhand/provision/tftp"
	"rackhand/provision/web"
)

const (
	// databaseEvery is how often the appliance checks that its database is still there.
	databaseEvery = time.Second
	// lostPatience bounds the wait for the other parts once the database is lost.
	lostPatience = 10 * time.Second
)

// parts runs the long-lived parts of an appliance. All stop when one of them fails.
type parts struct {
	group *errgroup.Group
	ctx   context.Context
}

// start runs a part. Its name stands before its error.
func (p parts) start(name string, run func(context.Context) error) {
	p.group.Go(func() error {
		if err := run(p.ctx); err != nil && p.ctx.Err() == nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

func (a *Appliance) run(ctx context.Context, reload <-chan struct{}) error {
	g, ctx := errgroup.WithContext(ctx)
	p := parts{g, ctx}
	// The journal stops last, so that it keeps the last events of the other parts.
	journalCtx, stopJournal := context.WithCancel(context.WithoutCancel(ctx))
	journalDone := make(chan error, 1)
	go func() { journalDone <- a.journal.Run(journalCtx) }()
	defer func() { stopJournal(); <-journalDone }()

	if err := a.catchUp(ctx); err != nil {
		return err
	}
	// Links are locked before any port is opened: free ports don't show that a link is
	// free, since two appliances may have two addresses on it.
	unlock, err := a.lockLinks(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	// Every port is tried before any request is answered: a taken port ends the start
	// with one clear error, and no host meets half an appliance.
	if err := a.portsFree(ctx); err != nil {
		return err
	}
	serve, closeAll, err := a.listeners()
	if err != nil {
		return err
	}
	defer closeAll()
	logs, closeLogs, err := a.syslogSockets()
	if err != nil {
		return err
	}
	defer closeLogs()
	defer a.logs.Close()
	for _, s := range serve {
		p.start(s.name, func(ctx context.Context) error { return web.Serve(ctx, s.l, s.h, a.Log) })
	}
	if a.cfg.Munin.Listen != "" {
		run, err := a.munin()
		if err != nil {
			return cannotListen("munin", a.cfg.Munin.Listen, err)
		}
		p.start("munin", run)
	}
	if err := a.startEventLogs(p); err != nil {
		return err
	}
	for _, run := range logs {
		p.start("syslog", run)
	}
	rest := a.Manager.Parts(1)[0]
	a.startNetwork(p)
	lost := a.startWatchers(p, reload)
	a.watchdog(p)
	defer a.Manager.Stopping()
	a.Log.Info("rackhand serves", "address", a.cfg.Address.String(), "socket", a.cfg.Socket, "page", a.cfg.Page.Listen)
	if err := a.journal.Record(provision.Event{Source: "appliance", Kind: "started", Message: "the appliance started"}); err != nil {
		a.Log.Error("recording the start", "error", err)
	}
	rest()
	return p.wait(lost)
}

// catchUp deals with what happened while the appliance was off: reports that were lost,
// hosts of an older database, certificates of hosts that have gone.
func (a *Appliance) catchUp(ctx context.Context) error {
	if err := a.markUnheard(); err != nil {
		return err
	}
	if err := a.installedBefore(ctx, a.holder.Current(), len(a.holder.Problems()) == 0); err != nil {
		return err
	}
	if err := a.sweepCertificates(ctx); err != nil {
		// The disk may be full. Stale certificates are refused all the same, and the
		// sweep is repeated later.
		a.Log.Error("revoking certificates", "error", err)
	}
	return nil
}

// startNetwork starts DHCP, router advertisements, the gate and TFTP.
func (a *Appliance) startNetwork(p parts) {
	ready := a.Manager.Parts(len(a.links) + len(a.addresses()))
	for i, l := range a.links {
		p.start("dhcp on "+l.Name, a.dhcp(l, ready[i]).Run)
		p.start("router advertisements on "+l.Name, (&routeradvert.Advertiser{Interface: l.Name, Log: a.Log}).Run)
	}
	p.start("looks at the links", a.gate.Run)
	for i, addr := range a.addresses() {
		p.start("tftp on "+addr.String(), tftp.New(tftp.Options{
			Listen: netip.AddrPortFrom(addr, a.cfg.TFTP), Ready: ready[len(a.links)+i], Clock: a.Clock, Open: a.openAt(addr),
			Host: func(peer netip.Addr) string { return a.web.HostOf(p.ctx, peer) }, MTU: a.mtuOf, Known: a.isHost, Record: a.journal, Flood: a.flood, Trace: a.observe, Log: a.Log,
			Leased: func(peer netip.Addr) bool { _, ok := a.leaseholder(p.ctx, peer); return ok },
		}).Run)
	}
}

// startWatchers starts the parts that listen on no port. The channel gets an error when
// the database is lost.
func (a *Appliance) startWatchers(p parts, reload <-chan struct{}) <-chan error {
	lost := make(chan error, 1)
	p.start("the database", func(ctx context.Context) error {
		err := state.Watch(ctx, a.store, databaseEvery)
		if err != nil {
			lost <- err
		}
		return err
	})
	p.start("retention", a.keeper.Run)
	p.start("floods", func(ctx context.Context) error { return a.flood.Run(ctx, a.journal, a.Log) })
	p.start("stuck installs", func(ctx context.Context) error { return a.operator.WatchStuck(ctx, a.Log) })
	p.start("silence of agents", func(ctx context.Context) error { return a.operator.WatchSilence(ctx, a.Log) })
	p.start("mirror", a.mirror.Run)
	if a.cfg.BMC.Poll > 0 {
		p.start("BMCs", a.poller.Run)
	}
	p.start("consoles", a.consoles.Run)
	p.start("metrics", a.followMetrics)
	p.start("traces", a.watchTraces)
	p.start("inventory", a.watcher.Run)
	p.start("conductor", conduct.New(conduct.Options{
		Journal: a.journal, Power: a.power, Snapshot: a.holder.Current, Target: a.target, Log: a.Log,
		Catalog: a.Catalog, Reports: a.reports, Logs: maskedLogs{a}, Clock: a.Clock, Console: a.consoleEnd,
	}).Run)
	p.start("certificates", a.certificates)
	p.start("reload", func(ctx context.Context) error {
		for {
			select {
			case <-reload:
				a.watcher.Reload()
			case <-ctx.Done():
				return nil
			}
		}
	})
	return lost
}

// watchdog tells the service manager that the appliance works: that its journal answers, and
// its database. A part that hangs with the journal's or the database's lock stops both.
func (a *Appliance) watchdog(p parts) {
	every := notify.Interval()
	if every <= 0 {
		return
	}
	p.start("watchdog", func(ctx context.Context) error {
		tick := time.NewTicker(every)
		defer tick.Stop()
		return a.Manager.Watch(ctx, tick.C, func(ctx context.Context) error {
			a.journal.Hosts()
			_, err := a.store.Get(ctx, "alive")
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			return err
		})
	})
}

// wait returns when all parts have ended, or lostPatience after the database was lost.
func (p parts) wait(lost <-chan error) error {
	ended := make(chan error, 1)
	go func() { ended <- p.group.Wait() }()
	select {
	case err := <-ended:
		return err
	case err := <-lost:
		// A reader of a file that was truncated underneath it may wait for ever.
		select {
		case <-ended:
		case <-time.After(lostPatience):
		}
		return err
	}
}
