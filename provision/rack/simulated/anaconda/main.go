// simulated-anaconda plays one box that Anaconda installs: see package simulated. It is
// built by tests, and part of nothing that ships.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"rackhand/provision/rack/simulated"
)

// usage: simulated-anaconda OPTIONS, as JSON; its result comes as JSON on the last line.
func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o simulated.Options
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: %s OPTIONS-AS-JSON", os.Args[0]))
	}
	if err := json.Unmarshal([]byte(os.Args[1]), &o); err != nil {
		fail(err)
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
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "simulated-anaconda:", err)
	os.Exit(1)
}
