package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"rackhand/config"
	"rackhand/provision/appliance"
	"rackhand/provision/notify"
	"rackhand/provision/state"
)

// memorySoft is the memory in bytes beyond which garbage is collected sooner, besides that of
// traces. A rack of 500 hosts takes a third of it. It is not a hard limit.
const memorySoft = 96 << 20

type serveCmd struct {
	Config string `help:"The appliance's settings." default:"${config}" type:"path"`
	Debug  bool   `help:"Log more."`

	NewDatabase bool `help:"Continue with a new database in place of a lost one: no host of the inventory is armed automatically."`
	NewCA       bool `name:"new-ca" help:"Continue with a new or another CA: installed hosts must be reinstalled."`
}

func (c *serveCmd) Run(ctx context.Context) error {
	cfg, problems := config.Load(c.Config)
	if err := problems.Err(); err != nil {
		return err
	}
	// Most allocations belong to a packet and end with its answer; the rest is some ten MB.
	// A heap four times that size costs little, and saves a tenth of the processor time of
	// each DHCP exchange. Under a flood it would cost more, so garbage is collected at once
	// from memorySoft on. GOMEMLIMIT sets another bound.
	debug.SetGCPercent(400)
	traced := func(int) {}
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		traced = func(bytes int) { debug.SetMemoryLimit(memorySoft + int64(bytes)) }
		traced(0)
	}
	level := slog.LevelInfo
	if c.Debug {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	reload := make(chan struct{}, 1)
	go func() {
		for range hup {
			select {
			case reload <- struct{}{}:
			default:
			}
		}
	}()
	err := appliance.Run(ctx, cfg, appliance.Deps{
		Clock: time.Now, Random: rand.Reader, Log: log, Version: version, Settings: c.Config, Manager: notify.Systemd(log), May: state.May{NewDatabase: c.NewDatabase, NewCA: c.NewCA}, Traced: traced,
	}, reload)
	if errors.Is(err, state.ErrAsk) {
		return exitError{exitAsk, err}
	}
	return err
}
