package appliance

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"

	"rackhand/provision/web"
)

// A listener is an open port and what answers on it.
type listener struct {
	name string
	l    net.Listener
	h    http.Handler
}

// listeners opens every TCP port and unix socket; closeAll closes what was opened.
func (a *Appliance) listeners() (all []listener, closeAll func(), err error) {
	closeAll = func() {
		for _, x := range all {
			x.l.Close()
		}
	}
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	add := func(name, where string, l net.Listener, h http.Handler, err error) error {
		if err != nil {
			return cannotListen(name, where, err)
		}
		all = append(all, listener{name, l, h})
		return nil
	}
	for _, addr := range a.addresses() {
		where := netip.AddrPortFrom(addr, a.cfg.HTTP).String()
		l, err := net.Listen("tcp", where)
		if err := add("boot server", where, l, a.web.Boot(), err); err != nil {
			return all, closeAll, err
		}
		where = netip.AddrPortFrom(addr, a.cfg.Agents).String()
		l, err = net.Listen("tcp", where)
		if err == nil {
			l = tls.NewListener(web.Crowd(l), a.web.AgentTLS())
		}
		if err := add("agents' server", where, l, a.web.Agents(), err); err != nil {
			return all, closeAll, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(a.cfg.Socket), 0o755); err != nil {
		return all, closeAll, fmt.Errorf("the operator's socket: %w", err)
	}
	l, err := web.ListenUnix(a.cfg.Socket, 0o600)
	if err := add("operator's socket", a.cfg.Socket, l, a.web.API(), err); err != nil {
		return all, closeAll, err
	}
	if a.cfg.Page.Listen != "" {
		l, err = pageListener(a.cfg.Page.Listen)
		if err := add("status page", a.cfg.Page.Listen, l, discovery(a.holder.Current, a.page), err); err != nil {
			return all, closeAll, err
		}
	}
	return all, closeAll, nil
}
