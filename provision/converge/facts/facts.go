// Package facts tells what a host is: system, kernel, processor, memory, disks, cards,
// addresses, firmware. It reads files of the kernel, runs no program, and waits for no
// source longer than its deadline.
package facts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The bounds of facts.
const (
	MaxSize  = 64 << 10        // of their JSON, in bytes
	Deadline = 5 * time.Second // of each source
	maxList  = 64              // disks, cards, and addresses of a card
	maxText  = 256             // of a text, in bytes
	maxFile  = 256 << 10
)

// Facts describe a host. Unknown facts are left out.
type Facts struct {
	OS       *OS               `json:"os,omitempty"`
	Kernel   *Kernel           `json:"kernel,omitempty"`
	CPU      *CPU              `json:"cpu,omitempty"`
	Memory   *Memory           `json:"memory,omitempty"`
	Disks    []Disk            `json:"disks,omitempty"`
	Cards    []Card            `json:"cards,omitempty"`
	DMI      map[string]string `json:"dmi,omitempty"`  // vendor, product, serial, uuid, bios_version, ...
	Virtual  string            `json:"virtualisation"` // none, kvm, vmware, ..., or a container's kind; "" unknown
	BootMode string            `json:"boot_mode"`      // uefi or bios; "" unknown
	// Custom are the operator's own facts, any JSON, by name (package customfacts).
	Custom map[string]json.RawMessage `json:"custom,omitempty"`
	// Problems are the sources that could not be read in time, by name. Those of own facts
	// begin with facts.d.
	Problems map[string]string `json:"problems,omitempty"`
}

// With adds own facts, and the problems of their files, by file.
func (f Facts) With(custom map[string]json.RawMessage, problems map[string]string) Facts {
	f.Custom, f.Problems = custom, maps.Clone(f.Problems)
	for file, text := range problems {
		f.problem(strings.TrimSuffix("facts.d/"+file, "/"), text)
	}
	return f
}

func (f *Facts) problem(name, text string) {
	if f.Problems == nil {
		f.Problems = map[string]string{}
	}
	f.Problems[bounded(name)] = bounded(text)
}

// A host is where facts are read.
type host struct{ root string }

func (h host) path(name string) string { return filepath.Join("/", h.root, name) }

// read reads a small file; "" if it can't be read.
func (h host) read(name string) (string, error) {
	f, err := os.Open(h.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	return string(b), err
}

// line is the first line of a file, bounded; "" if it can't be read.
func (h host) line(name string) string {
	text, err := h.read(name)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return bounded(first)
}

func bounded(s string) string {
	s = strings.ToValidUTF8(strings.TrimSpace(s), "")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}

// A source puts its part into facts. A result is a function so that a source that is late
// writes to nothing.
type source struct {
	name string
	read func(h host) (put func(*Facts), err error)
}

func sources() []source {
	return []source{
		{"os", readOS},
		{"kernel", readKernel},
		{"cpu", readCPU},
		{"memory", readMemory},
		{"disks", readDisks},
		{"cards", readCards},
		{"dmi", readDMI},
		{"virtualisation", readVirtual},
		{"boot_mode", readBootMode},
	}
}

// Gather reads the facts of the system below a root; "" is the machine's own. Each source
// has so long.
func Gather(ctx context.Context, root string, deadline time.Duration) Facts {
	return gather(ctx, host{root}, deadline, sources())
}

func gather(ctx context.Context, h host, deadline time.Duration, all []source) Facts {
	type result struct {
		put func(*Facts)
		err error
	}
	var f Facts
	// All at once: what hangs costs one deadline, not one each.
	within, cancel := context.WithTimeoutCause(ctx, deadline, fmt.Errorf("no answer within %s", deadline))
	defer cancel()
	results := make([]chan result, len(all))
	for i, s := range all {
		results[i] = make(chan result, 1)
		go func() {
			put, err := s.read(h)
			results[i] <- result{put, err}
		}()
	}
	for i, s := range all {
		var r result
		select {
		case r = <-results[i]:
		case <-within.Done():
			select {
			case r = <-results[i]:
			default:
				r.err = context.Cause(within)
			}
		}
		if r.put != nil {
			r.put(&f)
		}
		if r.err != nil {
			f.problem(s.name, r.err.Error())
		}
	}
	return f
}

// JSON writes facts, indented, within MaxSize: the longest lists are cut first, and a
// problem says so.
func (f Facts) JSON() ([]byte, error) {
	b, err := f.fit(func(v any) ([]byte, error) { return json.MarshalIndent(v, "", "  ") })
	return append(b, '\n'), err
}

// Wire writes facts as they are sent, within MaxSize. It leaves out what changes from run to
// run on a host that nothing was done to: the same host has the same text.
func (f Facts) Wire() ([]byte, error) {
	if f.Memory != nil {
		m := Memory{Total: f.Memory.Total &^ (1<<20 - 1), Swap: f.Memory.Swap &^ (1<<20 - 1)}
		f.Memory = &m
	}
	f.Cards = slices.DeleteFunc(slices.Clone(f.Cards), func(c Card) bool { return c.Driver == "" && c.Kind == "" }) // of containers and guests
	for i := range f.Cards {
		f.Cards[i].Up = nil
	}
	return f.fit(json.Marshal)
}

func (f Facts) fit(marshal func(any) ([]byte, error)) ([]byte, error) {
	for _, most := range []int{maxList, 32, 16, 8, 0} {
		b, err := marshal(f.cut(most))
		if err != nil {
			return nil, err
		}
		if len(b) < MaxSize {
			return b, nil
		}
	}
	return nil, fmt.Errorf("the facts do not fit into %d bytes", MaxSize)
}

func (f Facts) cut(most int) Facts {
	problems := map[string]string{}
	for name, text := range f.Problems {
		problems[name] = text
	}
	if n := len(f.Disks); n > most {
		f.Disks, problems["disks"] = f.Disks[:most], fmt.Sprintf("%d disks, of which %d are shown", n, most)
	}
	if n := len(f.Cards); n > most {
		f.Cards, problems["cards"] = f.Cards[:most], fmt.Sprintf("%d cards, of which %d are shown", n, most)
	}
	if len(problems) > 0 {
		f.Problems = problems
	}
	return f
}
