package appliance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/config"
	"rackhand/provision/doctor"
	"rackhand/provision/links"
	"rackhand/provision/notify"
)

// How often a link that is not ready is checked, and how often the log says so.
const (
	readyEvery = time.Second
	readySaid  = time.Minute
)

// waitForLinks waits until all links of the configuration are up with an address: a machine
// may start us before its network. A fault that waiting can't fix is an error.
func waitForLinks(ctx context.Context, cfg *config.Config, manager *notify.Manager, log *slog.Logger) ([]links.Link, error) {
	said, since := "", time.Duration(0)
	for {
		found, wait, err := links.Resolve(cfg)
		if err != nil {
			return nil, err
		}
		if wait == "" {
			for _, l := range found {
				if !links.HasCarrier(l.Name) {
					log.Warn(l.Name + " has no carrier: look at the cable and at the switch; it is served once there is one")
				}
			}
			return found, nil
		}
		if wait != said || since >= readySaid {
			log.Warn("rackhand waits before it serves: " + wait)
			manager.Status("waits before it serves: " + wait)
			said, since = wait, 0
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("stopped while it waited: %s", wait)
		case <-time.After(readyEvery):
			since += readyEvery
		}
	}
}

// portSetting is the setting that moves a port elsewhere; "" for a port that firmware
// and installers know by its number.
func portSetting(p doctor.Port) string {
	return map[string]string{"HTTP": "http", "agents": "agents", "TFTP": "tftp"}[p.For]
}

// portsFree returns an error with a line for each of the links' ports that is taken: by which
// program, and what to do. It is called before any port is opened, so that one start reports
// all of them.
func (a *Appliance) portsFree(ctx context.Context) error {
	var taken []error
	for _, p := range doctor.Ports(a.cfg.TFTP, a.cfg.HTTP, a.cfg.Agents) {
		for _, l := range a.links {
			busy, err := doctor.Taken(ctx, l.Name, l.Addr, p)
			if err == nil && busy {
				err = unix.EADDRINUSE
			}
			if err == nil {
				continue
			}
			taken = append(taken, portError(p, l, err, portSetting(p), doctor.Who(p.Network, p.Port)))
			break // the next link would say the same
		}
	}
	return errors.Join(taken...)
}

// portError is the one line about a port that can't be opened.
func portError(p doctor.Port, l links.Link, err error, setting, who string) error {
	what := fmt.Sprintf("%s: port %d/%s on %s (%s)", p.For, p.Port, p.Network, l.Name, l.Addr)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		if who == "" {
			who = "another program"
		}
		fix := "stop it, or have it leave this link alone"
		if setting != "" {
			fix += fmt.Sprintf(", or set `%s:` in rackhand.yaml to another port", setting)
		}
		return fmt.Errorf("%s is taken by %s: %s", what, who, fix)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s can't be opened: %w: run rackhand as root", what, err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%s can't be opened: the address has gone: give it to the link again, or set `address:`", what)
	}
	return fmt.Errorf("%s can't be opened: %w", what, err)
}

// cannotListen is the one line about a listener that can't be opened: a port's, or a
// unix socket's.
func cannotListen(name, where string, err error) error {
	fix := map[string]string{
		"boot server": "`http:`", "agents' server": "`agents:`", "operator's socket": "`socket:`", "status page": "`page: {listen: ...}`",
	}[name]
	if fix != "" {
		fix = "; " + fix + " in rackhand.yaml says another"
	}
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		who := "another program"
		if _, text, err := net.SplitHostPort(where); err == nil {
			if port, err := strconv.ParseUint(text, 10, 16); err == nil {
				who = cmp.Or(doctor.Who("tcp", uint16(port)), who)
			}
		}
		return fmt.Errorf("%s: %s is taken by %s: stop it%s", name, where, who, fix)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%s: this machine has no address %s: give it to a link%s", name, strings.TrimSuffix(where, ":"), fix)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: %s: %w: run rackhand as root%s", name, where, err, fix)
	}
	return fmt.Errorf("%s: cannot listen on %s: %w%s", name, where, err, fix)
}
