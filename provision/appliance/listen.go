package appliance

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/net/netutil"

	"rackhand/provision/connlimit"
	"rackhand/provision/web"
)

// Limits of connections that are open at once. A box has a handful: an installer that loads
// in parallel, and a package manager. A rack of 500 installs within the share of known
// addresses. A connection costs some 20 KB, with TLS some 50.
func bootLimits() connlimit.Limits {
	return connlimit.Limits{PerAddress: 128, Unknown: 512, Known: 2048}
}

func agentLimits() connlimit.Limits {
	return connlimit.Limits{PerAddress: 32, Unknown: 128, Known: 1024}
}

// Behind a proxy all browsers come from one address.
func pageLimits() connlimit.Limits {
	return connlimit.Limits{PerAddress: 128, Unknown: 128, Known: 256}
}

const (
	// maxLocal bounds the connections of a unix socket.
	maxLocal = 256
	// pagePatience is how long sending a piece of a page may take.
	pagePatience = 20 * time.Second
)

// A listener is an open port and its handler.
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
	boxes, agents := connlimit.New(bootLimits(), a.isHost), connlimit.New(agentLimits(), a.isHost)
	for _, addr := range a.addresses() {
		where := netip.AddrPortFrom(addr, a.cfg.HTTP).String()
		l, err := net.Listen("tcp", where)
		if err == nil {
			l = boxes.Listen(l, true)
		}
		if err := add("boot server", where, l, a.web.Boot(), err); err != nil {
			return all, closeAll, err
		}
		where = netip.AddrPortFrom(addr, a.cfg.Agents).String()
		l, err = net.Listen("tcp", where)
		if err == nil {
			l = tls.NewListener(agents.Listen(l, false), a.web.AgentTLS())
		}
		if err := add("agents' server", where, l, a.web.Agents(), err); err != nil {
			return all, closeAll, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(a.cfg.Socket), 0o755); err != nil {
		return all, closeAll, fmt.Errorf("the operator's socket: %w", err)
	}
	l, err := a.operatorSocket()
	if err := add("operator's socket", a.cfg.Socket, l, a.web.API(), err); err != nil {
		return all, closeAll, err
	}
	if a.cfg.Page.Listen != "" {
		l, h, err := a.pageServer()
		if err := add("status page", a.cfg.Page.Listen, l, h, err); err != nil {
			return all, closeAll, err
		}
	}
	if a.cfg.Metrics.Listen != "" {
		l, h, err := a.metricsServer()
		if err := add("metrics", a.cfg.Metrics.Listen, l, h, err); err != nil {
			return all, closeAll, err
		}
	}
	return all, closeAll, nil
}

// operatorSocket opens the operator's socket: to root, and to the group of the settings.
func (a *Appliance) operatorSocket() (net.Listener, error) {
	l, err := web.ListenUnix(a.cfg.Socket, 0o600)
	if err != nil {
		return nil, err
	}
	gid, err := a.cfg.SocketGID()
	if err == nil && gid >= 0 {
		err = errors.Join(os.Chown(a.cfg.Socket, -1, gid), os.Chmod(a.cfg.Socket, 0o660))
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return netutil.LimitListener(l, maxLocal), nil
}
