package appliance

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"golang.org/x/net/netutil"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/dhcp"
	"rackhand/provision/metrics"
	"rackhand/provision/store"
	"rackhand/provision/trace"
	"rackhand/provision/web"
)

// metricsPath is where Prometheus looks.
const metricsPath = "/metrics"

// maxScrapers bounds the connections to metrics.listen.
const maxScrapers = 32

// observe takes each packet and request: for the traces, and for the metrics.
func (a *Appliance) observe(f trace.Fact) {
	a.metrics.Observe(f)
	a.traces.Record(f)
}

func (a *Appliance) newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Options{Figures: a.figures, Version: a.Version, Log: a.Log})
}

// followMetrics feeds the journal's events to the metrics.
func (a *Appliance) followMetrics(ctx context.Context) error {
	seq := a.journal.Seq()
	a.metrics.Begin(a.journal.Installs())
	events, err := a.journal.Subscribe(ctx, seq)
	if err != nil {
		return err
	}
	return a.metrics.Follow(ctx, events)
}

// figures are how the appliance stands now.
func (a *Appliance) figures(ctx context.Context) (metrics.Figures, error) {
	st, err := a.operator.Status(ctx)
	if err != nil {
		return metrics.Figures{}, err
	}
	f := metrics.FiguresOf(st, a.Clock())
	f.Database.Writes, f.Database.Writing = store.Written(a.store)
	if len(a.cfg.Mirror.Upstreams) > 0 {
		s := a.mirror.Stats()
		f.Mirror = &metrics.MirrorFigures{Fetches: s.Fetches, Failures: s.Failures, Fetched: s.Fetched}
	}
	if f.Networks, err = a.pools(ctx); err != nil {
		return f, err
	}
	return f, nil
}

// pools are the ranges for boxes outside the inventory, with how much of each is leased.
func (a *Appliance) pools(ctx context.Context) ([]metrics.NetworkFigures, error) {
	records, _, err := a.store.List(ctx, dhcp.LeasePrefix)
	if err != nil {
		return nil, err
	}
	var used []netip.Addr
	for _, r := range records {
		var l provision.Lease
		if json.Unmarshal(r.Value, &l) != nil || !l.Expires.After(a.journal.Counted()) {
			continue
		}
		if addr, err := netip.ParseAddr(l.Address); err == nil {
			used = append(used, addr)
		}
	}
	return poolsOf(a.holder.Current(), used), nil
}

// poolsOf counts the addresses of each network's range, and those of them that are used.
func poolsOf(snap *inventory.Snapshot, used []netip.Addr) (out []metrics.NetworkFigures) {
	for name, n := range snap.Networks {
		if !n.Leases.First.Is4() {
			continue
		}
		f := metrics.NetworkFigures{Name: name, Size: int(inventory.Number(n.Leases.Last)-inventory.Number(n.Leases.First)) + 1}
		for _, addr := range used {
			if n.Leases.Contains(addr) {
				f.Used++
			}
		}
		out = append(out, f)
	}
	return out
}

// withMetrics adds the metrics to what answers on the page's listener, if only this machine
// can reach it: they tell more of the appliance than the page does.
func (a *Appliance) withMetrics(page http.Handler) http.Handler {
	if !local(a.cfg.Page.Listen) {
		return page
	}
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.Handle("GET "+metricsPath, a.metrics.Handler())
	return mux
}

// local reports whether a listener is a unix socket or on loopback.
func local(listen string) bool {
	if strings.HasPrefix(listen, "unix:") {
		return true
	}
	at, err := netip.ParseAddrPort(listen)
	return err == nil && at.Addr().IsLoopback() || strings.HasPrefix(listen, "localhost:")
}

// metricsServer opens metrics.listen.
func (a *Appliance) metricsServer() (net.Listener, http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("GET "+metricsPath, a.metrics.Handler())
	var l net.Listener
	var err error
	if path, unix := strings.CutPrefix(a.cfg.Metrics.Listen, "unix:"); unix {
		l, err = web.ListenUnix(path, 0o600)
	} else {
		l, err = net.Listen("tcp", a.cfg.Metrics.Listen)
	}
	if err != nil {
		return nil, nil, err
	}
	return netutil.LimitListener(l, maxScrapers), web.Patiently(pagePatience, mux), nil
}
