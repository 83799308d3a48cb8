package appliance

import (
	"context"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/console"
	"rackhand/provision/installlog"
)

// consoleTail is how much of a console's end is looked at, in bytes.
const consoleTail = 16 << 10

func (a *Appliance) newConsoles() *console.Hub {
	return console.New(console.Options{
		Open: a.openConsole, Recorded: a.recordedConsoles, Folder: filepath.Join(a.cfg.State, "consoles"),
		Now: a.Clock, Sleep: sleep, Log: a.Log,
	})
}

// openConsole attaches to a host's console.
func (a *Appliance) openConsole(ctx context.Context, host string, takeover bool) (io.ReadWriteCloser, error) {
	snap := a.holder.Current()
	if snap == nil || snap.Hosts[host] == nil {
		return nil, bmc.ErrNoBMC
	}
	h := snap.Hosts[host]
	t, err := a.target(h)
	if err != nil {
		return nil, err
	}
	if h.BMC.Console == inventory.ConsoleOff {
		return nil, &bmc.Error{Op: "attach to the console", BMC: t.Address, Kind: bmc.ErrConsoleOff, Hint: "the inventory has `bmc: {console: off}`"}
	}
	return a.power.Console(ctx, t, h.BMC.Console == inventory.ConsoleSOL, takeover)
}

// recordedConsoles are the hosts whose console is recorded now.
func (a *Appliance) recordedConsoles() (hosts []string) {
	snap := a.holder.Current()
	if snap == nil || a.cfg.BMC.Console == config.RecordNever {
		return nil
	}
	installs, jobs := a.journal.Installs(), a.journal.Jobs()
	underWay := func(host string) bool {
		in, ok := installs[host]
		job, working := jobs[host]
		return ok && !in.Stage.Ended() || working && !job.Stage.Ended()
	}
	for name, h := range snap.Hosts {
		if h.BMC != nil && h.BMC.Console != inventory.ConsoleOff && (a.cfg.BMC.Console == config.RecordAlways || underWay(name)) {
			hosts = append(hosts, name)
		}
	}
	return hosts
}

// sequences move a terminal's cursor and set its colours (ECMA-48 §5.4), or its title.
var sequences = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)|[ -/]*[0-Z^-~])")

// consoleEnd is the end of a host's console as plain text, without secrets.
func (a *Appliance) consoleEnd(host string) string {
	return installlog.Mask(plain(a.consoles.Tail(host, consoleTail)), a.web.Masked(host))
}

// plain removes what only a terminal needs.
func plain(text string) string {
	text = strings.ReplaceAll(sequences.ReplaceAllString(text, ""), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case r < ' ' || r == 0x7f:
			return -1
		}
		return r
	}, text)
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
