package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rackhand/provision/installer/disk"
	"rackhand/provision/installer/hardware"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// wipeGrace is the time between the event with the list of disks and the first write: long
// enough for a `rackhand cancel`.
const wipeGrace = 10 * time.Second

// wipe erases the ordered disks in parallel.
func (m *Runner) wipe(ctx context.Context, o order, found []plan.Disk, keep func(any) error) (outcome, error) {
	disks, err := wipeDisks(found, o.Disks)
	if err != nil {
		return outcome{}, fmt.Errorf("nothing was erased: %w", err)
	}
	m.Event(report.Event{Kind: "wipe-disks", Level: "warn", Message: fmt.Sprintf("in %v these are erased: %s", wipeGrace, strings.TrimPrefix(foundText(disks), "disks: "))})
	if err := m.Clk.Sleep(ctx, wipeGrace); err != nil {
		return outcome{}, context.Cause(ctx)
	}
	if m.cancelled(ctx, o.alive) {
		return outcome{}, errCancelled
	}
	done := make([]atomic.Int64, len(disks))
	results := make([]disk.Erasure, len(disks))
	stop := m.reportDisks(ctx, disks, done)
	var all sync.WaitGroup
	for i, d := range disks {
		all.Go(func() {
			results[i] = disk.Erase(ctx, d, m.Clk, &done[i])
		})
	}
	all.Wait()
	stop()
	if context.Cause(ctx) != nil {
		return outcome{}, context.Cause(ctx)
	}
	if len(o.Disks) == 0 {
		_, locked := hardware.FindAllDisks("/sys")
		results = append(results, lockedDisks(locked)...)
	}
	out, err := m.wiped(results, keep)
	if err == nil && len(o.Disks) == 0 {
		out.message = notErasedText(found, hardware.WithoutDriver("/sys", hardware.PCIStorage)) + out.message
	}
	return out, err
}

// notErasedText says what a wipe of all disks has not erased. It comes first, where a long list of
// disks can't cut it off.
func notErasedText(found []plan.Disk, controllers []string) (text string) {
	if _, usb := withoutUSB(found); len(usb) > 0 {
		text = "USB disks are kept, because the order does not name them: " + plan.DescribeDisks(usb) + "; "
	}
	if len(controllers) > 0 {
		text += "NOT erased are disks behind controllers without a driver: " + strings.Join(controllers, ", ") + "; "
	}
	return text
}

// lockedDisks are the results for disks that can't be opened for writing: a wipe of all disks
// fails if it leaves one of them.
func lockedDisks(disks []plan.Disk) []disk.Erasure {
	var out []disk.Erasure
	for _, d := range disks {
		out = append(out, disk.Erasure{Disk: d.Name, Model: d.Model, Serial: d.Serial, WWN: d.WWN, Bytes: d.Size, Error: "it is write-protected (a switch, or the disk itself)"})
	}
	return out
}

// wiped reports the result for each disk.
func (m *Runner) wiped(results []disk.Erasure, keep func(any) error) (outcome, error) {
	var lines, bad []string
	for _, r := range results {
		lines = append(lines, r.String())
		e := report.Event{Kind: "disk-erased", Message: r.String()}
		if r.Error != "" {
			bad = append(bad, r.String())
			e.Kind, e.Level = "disk-not-erased", "error"
		}
		m.Event(e)
	}
	err := keep(struct {
		Disks []disk.Erasure `json:"disks"`
	}{results})
	switch {
	case len(bad) > 0:
		return outcome{}, errors.Join(errors.New(strings.Join(bad, "; ")), err)
	case err != nil:
		m.Warnf("%v", err)
	}
	return outcome{strings.Join(lines, "; "), "poweroff"}, nil
}

// reportDisks reports progress until it is stopped.
func (m *Runner) reportDisks(ctx context.Context, disks []plan.Disk, done []atomic.Int64) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var told sync.WaitGroup
	told.Go(func() {
		p := eventPace{}
		begun := m.Clk.Now()
		for m.Clk.Sleep(ctx, time.Second) == nil {
			if !p.due(m.Clk.Now()) || m.Rep.Busy() {
				continue
			}
			m.Event(report.Event{Kind: "progress", Message: diskProgress(disks, done, m.Clk.Now().Sub(begun))})
		}
	})
	return func() { cancel(); told.Wait() }
}

// diskProgress is "sda 1.2 of 4.0 TB (30%); 180 MB/s, about 4h20m to go", with the rate of
// all disks together and the time of the slowest.
func diskProgress(disks []plan.Disk, done []atomic.Int64, took time.Duration) string {
	var parts []string
	var sum int64
	var left time.Duration
	for i, d := range disks {
		n := done[i].Load()
		sum += n
		parts = append(parts, fmt.Sprintf("%s %.1f of %s (%d%%)", d.Name, float64(n)/1e9, plan.Gigabytes(d.Size), 100*n/max(d.Size, 1)))
		if n > 0 {
			left = max(left, time.Duration(float64(took)*float64(d.Size-n)/float64(n)))
		}
	}
	text := strings.Join(parts, ", ") + "; " + report.Speed(sum, took.Seconds())
	if left > 0 {
		text += fmt.Sprintf(", about %v to go", left.Round(time.Second))
	}
	return text
}

// withoutUSB separates disks on USB from the others.
func withoutUSB(disks []plan.Disk) (others, usb []plan.Disk) {
	for _, d := range disks {
		if d.USB {
			usb = append(usb, d)
		} else {
			others = append(others, d)
		}
	}
	return others, usb
}

// wipeDisks are the disks to erase: without words all but those on USB, otherwise the named
// ones. A word is a kernel name, a name below /dev/disk, a serial number or a WWN, and must
// mean exactly one disk.
func wipeDisks(found []plan.Disk, words []string) ([]plan.Disk, error) {
	if len(found) == 0 {
		return nil, errors.New("no disk was found")
	}
	if len(words) == 0 {
		all, usb := withoutUSB(found)
		if len(all) == 0 {
			return nil, fmt.Errorf("all disks are on USB (%s), where only a disk that is named is erased", plan.DescribeDisks(usb))
		}
		return all, nil
	}
	var out []plan.Disk
	for _, w := range words {
		var hits []plan.Disk
		for _, d := range found {
			name := strings.TrimPrefix(w, "/dev/")
			if w != "" && (name == d.Name || w == d.Serial || w == d.WWN || slices.Contains(d.Links, name)) {
				hits = append(hits, d)
			}
		}
		switch {
		case len(hits) != 1:
			return nil, fmt.Errorf("%q matches %d disks, not one; there are: %s", w, len(hits), plan.DescribeDisks(found))
		case containsDisk(out, hits[0].Name):
			return nil, fmt.Errorf("%q means a disk that is named already (%s)", w, hits[0].Name)
		}
		out = append(out, hits[0])
	}
	return out, nil
}

func containsDisk(disks []plan.Disk, name string) bool {
	for _, d := range disks {
		if d.Name == name {
			return true
		}
	}
	return false
}
