//go:build e2e

package simulated_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"rackhand/provision/rack/simulated"
)

// The test binary is the box too: run again inside a rack with its options as JSON in its
// environment.
const envBox = "RACKHAND_SIMULATED_E2E_BOX"

func TestMain(m *testing.M) {
	var err error
	if options := os.Getenv(envBox); options != "" {
		err = boxMain([]byte(options))
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

// boxMain plays one box that Anaconda installs; its result comes as JSON on the last
// line.
func boxMain(options []byte) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o simulated.Options
	if err := json.Unmarshal(options, &o); err != nil {
		return err
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
