package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/hardware"
	"rackhand/provision/installer/kernel"
)

// protectEvery is how often new disks are looked for while %pre runs.
const protectEvery = 200 * time.Millisecond

// A writeProtection is the disks that the kernel refuses to write to.
type writeProtection struct {
	mu   sync.Mutex
	done map[string]bool // devices' paths
}

// WriteProtect makes the kernel refuse writes to all disks and their partitions, and to those that
// appear until ctx ends. open makes them writable again, but not those that were read-only
// before. warn is called for later disks that can't be protected.
func WriteProtect(ctx context.Context, warn func(string, ...any)) (open func() error, err error) {
	s := &writeProtection{done: map[string]bool{}}
	ctx, stop := context.WithCancel(ctx)
	if err := s.add(); err != nil {
		stop()
		return s.open, errors.Join(err, s.open())
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(protectEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := s.add(); err != nil && !errors.Is(err, fs.ErrNotExist) {
					warn("%v", err)
				}
			}
		}
	}()
	return func() error {
		stop()
		<-ended
		return s.open()
	}, nil
}

// add protects the disks that are not protected yet, USB sticks among them: a script may clear
// every sd device.
func (s *writeProtection) add() error {
	entries, err := os.ReadDir("/sys/block")
	if err != nil {
		return fmt.Errorf("list the disks: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range entries {
		disk := e.Name()
		if !hardware.IsDisk(disk) || kernel.ReadInt("/sys/block/"+disk+"/size") == 0 { // a card reader without a card
			continue
		}
		for _, n := range append([]string{disk}, slices.Sorted(maps.Keys(KernelPartitions(disk)))...) {
			path := "/dev/" + n
			if s.done[path] {
				continue
			}
			if n == disk && kernel.ReadInt("/sys/block/"+n+"/ro") != 0 {
				break
			}
			switch err := SetWriteFlag(path, 1); {
			case errors.Is(err, fs.ErrNotExist):
				continue // next time
			case err != nil:
				return fmt.Errorf("make %s read-only for %%pre: %w", path, err)
			}
			s.done[path] = true
		}
	}
	return nil
}

func (s *writeProtection) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for path := range s.done {
		if err := SetWriteFlag(path, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("open %s again: %w", path, err))
		}
	}
	clear(s.done)
	return errors.Join(errs...)
}

// SetWriteFlag sets (1) or clears (0) a block device's read-only flag (BLKROSET).
func SetWriteFlag(path string, to int) error {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.BLKROSET, to)
}
