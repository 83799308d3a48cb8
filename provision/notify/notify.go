// Package notify tells the service manager how the appliance is: sd_notify(3), which systemd
// reads of a unit with Type=notify. Without a service manager it says nothing.
package notify

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// A Manager is the service manager that started this process. Its methods may be called at
// the same time; a nil one says nothing.
type Manager struct {
	send func(state string) error
	log  *slog.Logger

	mu      sync.Mutex
	waiting int // parts that are not ready yet
	counted bool
}

// Systemd returns the manager that the environment names (NOTIFY_SOCKET).
func Systemd(log *slog.Logger) *Manager {
	return New(func(state string) error { _, err := daemon.SdNotify(false, state); return err }, log)
}

// New returns a manager that send reaches.
func New(send func(state string) error, log *slog.Logger) *Manager {
	return &Manager{send: send, log: log}
}

func (m *Manager) say(state string) {
	if m == nil {
		return
	}
	if err := m.send(state); err != nil {
		m.log.Warn("telling the service manager", "state", state, "error", err)
	}
}

// Status says in words what the appliance does: `systemctl status` shows it.
func (m *Manager) Status(text string) { m.say("STATUS=" + text) }

// Parts returns a function for each of n parts, which the part calls once it is ready. When
// all have called, the manager is told READY.
func (m *Manager) Parts(n int) []func() {
	ready := make([]func(), n)
	if m != nil {
		m.mu.Lock()
		m.waiting += n
		m.mu.Unlock()
	}
	for i := range ready {
		ready[i] = sync.OnceFunc(m.partReady)
	}
	return ready
}

func (m *Manager) partReady() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.waiting--
	all := m.waiting == 0 && !m.counted
	m.counted = m.counted || all
	m.mu.Unlock()
	if all {
		m.say(daemon.SdNotifyReady + "\nSTATUS=serves")
	}
}

// Stopping says that the appliance ends.
func (m *Manager) Stopping() { m.say(daemon.SdNotifyStopping + "\nSTATUS=stops") }

// Watch tells the manager, each time tick has a value, that the appliance is alive, until ctx
// ends. It is not told while alive hangs or returns an error: then the manager restarts the
// appliance (WatchdogSec=).
func (m *Manager) Watch(ctx context.Context, tick <-chan time.Time, alive func(context.Context) error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
		if err := alive(ctx); err != nil {
			if ctx.Err() == nil {
				m.say("STATUS=" + fmt.Sprintf("doesn't work: %v", err))
			}
			continue
		}
		m.say(daemon.SdNotifyWatchdog)
	}
}

// Interval is how often Watch is to tell: a third of what the unit allows. 0: the manager
// doesn't watch.
func Interval() time.Duration {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return 0
	}
	return every / 3
}
