package bmcsetup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A step writes one setting.
type step struct {
	// what completes "set": "the address 10.77.0.111 (it was 192.168.0.120)"; "" for a step
	// that only some BMCs need, which may be refused and is not a change.
	what  string
	netFn byte
	cmd   byte
	data  []byte
	// blind: the BMC can't say whether it has the value, so it is written each time.
	blind bool
}

// A part reads settings of one kind and returns the steps to the wanted ones; none when all
// is right.
type part func(ctx context.Context, d Device, channel byte, want Settings) ([]step, error)

// How often a setting is read back, and the time between: a BMC may take a moment.
const (
	readBacks = 5
	readPause = time.Second
)

// Run brings a BMC to its settings. It returns what it changed, also beside an error: one
// part that fails doesn't keep the others from being done. sleep waits between readings.
func Run(ctx context.Context, d Device, want Settings, sleep func(context.Context, time.Duration) error) (changed []string, err error) {
	if err := want.Check(); err != nil {
		return nil, err
	}
	channel, err := lanChannel(ctx, d)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, p := range []part{lanSteps, accountSteps, accessSteps} {
		done, err := carryOut(ctx, d, channel, want, p, sleep)
		changed = append(changed, done...)
		failed = append(failed, err)
	}
	return changed, errors.Join(failed...)
}

// carryOut does the steps of a part, and reads them back.
func carryOut(ctx context.Context, d Device, channel byte, want Settings, p part, sleep func(context.Context, time.Duration) error) (changed []string, err error) {
	steps, err := p(ctx, d, channel, want)
	if err != nil {
		return nil, err
	}
	for _, s := range steps {
		_, err := ask(ctx, d, "set "+s.what, 0, s.netFn, s.cmd, s.data...)
		if s.what == "" {
			continue
		}
		if err != nil {
			if last := steps[len(steps)-1]; last.what == "" {
				_, _, _ = d.Do(ctx, last.netFn, last.cmd, last.data...) // ends the change of LAN parameters
			}
			return changed, err
		}
		changed = append(changed, s.what)
	}
	for try := 1; len(steps) > 0; try++ {
		left, err := p(ctx, d, channel, want)
		if err != nil {
			return changed, fmt.Errorf("after writing: %w", err)
		}
		lost := notKept(left)
		if len(lost) == 0 {
			return changed, nil
		}
		if try == readBacks {
			return changed, fmt.Errorf("the BMC took, and did not keep: %s", strings.Join(lost, "; "))
		}
		if err := sleep(ctx, readPause); err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// notKept names what is still to be set after it was written.
func notKept(left []step) []string {
	var out []string
	for _, s := range left {
		if !s.blind && s.what != "" {
			out = append(out, s.what)
		}
	}
	return out
}
