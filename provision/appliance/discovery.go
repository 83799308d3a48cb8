package appliance

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/netutil"

	"rackhand/inventory"
	"rackhand/inventory/port"
	"rackhand/provision/connlimit"
	"rackhand/provision/web"
)

// nodeExporter is the port of a host's node exporter, unless the request names another
// (prometheus.io, default port allocations).
const nodeExporter = 9100

// discovery adds to the page the parts of the inventory that other programs read:
//
//	GET /discovery/prometheus[?port=N]   HTTP service discovery (http_sd_config)
//
// It shows no more than the page does.
func discovery(snapshot func() *inventory.Snapshot, page http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.HandleFunc("GET /discovery/prometheus", func(w http.ResponseWriter, r *http.Request) {
		n := nodeExporter
		if text := r.URL.Query().Get("port"); text != "" {
			var err error
			if n, err = strconv.Atoi(text); err != nil || n < 1 || n > 65535 {
				http.Error(w, "port must be a number from 1 to 65535", http.StatusBadRequest)
				return
			}
		}
		targets, err := port.Prometheus(snapshot(), n)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(targets) // the client has gone
	})
	return mux
}

// pageServer opens where the page is served, and says what answers there. Over a unix socket
// it is the proxy in front that knows its names.
func (a *Appliance) pageServer() (net.Listener, http.Handler, error) {
	h := a.withMetrics(discovery(a.holder.Current, a.page))
	if path, ok := strings.CutPrefix(a.cfg.Page.Listen, "unix:"); ok {
		l, err := web.ListenUnix(path, 0o600)
		if err != nil {
			return nil, nil, err
		}
		return netutil.LimitListener(l, maxLocal), web.Patiently(pagePatience, h), nil
	}
	l, err := net.Listen("tcp", a.cfg.Page.Listen)
	if err != nil {
		return nil, nil, err
	}
	names := slices.Clone(a.cfg.Page.Names)
	if host, _, err := net.SplitHostPort(a.cfg.Page.Listen); err == nil && host != "0.0.0.0" && host != "::" {
		names = append(names, host)
	}
	if name, err := os.Hostname(); err == nil {
		short, _, _ := strings.Cut(name, ".")
		names = append(names, name, short)
	}
	h = web.Patiently(pagePatience, web.ForNames(names, "`page: {names: [...]}` in rackhand.yaml", h))
	return connlimit.New(pageLimits(), a.isOperator).Listen(l, true), h, nil
}

// isHost reports whether an address is that of a host of the inventory.
func (a *Appliance) isHost(addr netip.Addr) bool {
	return a.holder.Current().HostByAddress(addr) != nil
}

// isOperator reports whether the page reserves a share for an address: one of this machine, or
// of a network that the settings name. A unix socket has no address, and counts as well.
func (a *Appliance) isOperator(addr netip.Addr) bool {
	return !addr.IsValid() || addr.IsLoopback() || slices.Contains(a.addresses(), addr) ||
		slices.ContainsFunc(a.cfg.Page.Operators, func(p netip.Prefix) bool { return p.Contains(addr) })
}
