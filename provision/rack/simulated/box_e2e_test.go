//go:build e2e

package simulated_test

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"rackhand/provision/converge"
	"rackhand/provision/converge/command"
	"rackhand/provision/rack/simulated"
)

// The test binary is the box too: run again inside a rack with its options as JSON in its
// environment.
const envBox = "RACKHAND_SIMULATED_E2E_BOX"

func TestMain(m *testing.M) {
	var err error
	if options := os.Getenv(envBox); options != "" {
		err = boxMain([]byte(options))
	} else if attack := os.Getenv(envThief); attack != "" {
		err = thiefMain([]byte(attack))
	} else if args := os.Getenv(envAttack); args != "" {
		err = attackMain([]byte(args))
	} else if args := os.Getenv(envLeaks); args != "" {
		err = leakMain([]byte(args))
	} else if err = flag.Set("test.parallel", "5"); err == nil {
		// A box waits more than it computes: more of these tests run side by side than
		// there are cores, unless -parallel says otherwise.
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the simulated box:", err)
		os.Exit(1)
	}
}

// powered is a box, and whether a system on its disk has an agent that works.
type powered struct {
	simulated.Options
	Enrols bool
	// Serves: the system is a web server, and its agent runs until it serves.
	Serves bool
	// Bond is the MAC that the installed system's network has; empty: its card's.
	Bond string
}

// agent runs the agent once in the system below root, with its own code. It keeps a clock of its
// own: the machine's is not its to set.
func agent(ctx context.Context, root string) error {
	_, err := once(ctx, root)
	return err
}

func once(ctx context.Context, root string) (status string, err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	clock := &ownClock{}
	a := &converge.Agent{
		Paths: converge.Paths{Root: root}, Engine: &converge.Engine{}, Log: log, Clock: clock,
		Sleep: func(ctx context.Context, d time.Duration) error {
			select {
			case <-time.After(min(d, time.Second)):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		Random: rand.New(rand.NewPCG(1, 2)), Keys: crand.Reader, Runner: command.Exec{},
	}
	return a.Once(ctx, false)
}

// An ownClock is the machine's, moved by what it was set to.
type ownClock struct{ ahead time.Duration }

func (c *ownClock) Now() time.Time        { return time.Now().Add(c.ahead) }
func (c *ownClock) Set(t time.Time) error { c.ahead = time.Until(t); return nil }

// boxMain plays one box that Anaconda installs; its result comes as JSON on the last
// line.
func boxMain(options []byte) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var p powered
	if err := json.Unmarshal(options, &p); err != nil {
		return err
	}
	o := p.Options
	if p.Enrols {
		o.Started = func(ctx context.Context, root string) error {
			if p.Bond != "" {
				if out, err := exec.Command("ip", "link", "set", o.Link, "address", p.Bond).CombinedOutput(); err != nil {
					return fmt.Errorf("ip link: %w: %s", err, out)
				}
			}
			if p.Serves {
				return served(ctx, o.Scratch, root)
			}
			return agent(ctx, root)
		}
	}
	var mu sync.Mutex
	o.Say = func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}
	// A hundredth of the time that it would wait.
	o.Wait = func(ctx context.Context, d time.Duration) error {
		t := time.NewTimer(d / 100)
		defer t.Stop()
		select {
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r, err := simulated.Run(ctx, o)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
