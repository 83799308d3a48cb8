package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/store"
)

const (
	eventPrefix   = "event/"
	indexPrefix   = "eventof/" // eventof/HOST/SEQ, empty: a host's events without reading all
	installPrefix = "install/"
	hostPrefix    = "host/"
	jobPrefix     = "job/"

	// Bounds what one commit holds: a request makes at most 5 ops, and the store
	// takes 128 of them, and 1.25 MiB, in one transaction.
	maxBatch = 24
	maxBytes = 512 << 10
	// Limits of an event's fields: text from outside is cut here.
	maxText   = 2000
	maxFields = 16
	maxField  = 500

	// maxStrangers is how many boxes that are in no inventory are remembered: anybody
	// can make up as many hardware addresses as he likes. The one that was seen
	// longest ago gives way; its events stay.
	maxStrangers = 4096
)

func eventKey(seq uint64) string { return fmt.Sprintf("%s%016x", eventPrefix, seq) }

func indexKey(host string, seq uint64) string {
	return fmt.Sprintf("%s%s/%016x", indexPrefix, host, seq)
}

func installKey(host string, n int) string {
	return fmt.Sprintf("%s%s/%06d", installPrefix, host, n)
}

// prefixEnd is the first key after all that begin with prefix.
func prefixEnd(prefix string) string {
	return prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)
}

type request struct {
	apply func(*view) error
	reply chan error
}

func (j *Journal) do(apply func(*view) error) error {
	r := &request{apply: apply, reply: make(chan error, 1)}
	select {
	case j.requests <- r:
		// Run answers every request that it has taken.
		return <-r.reply
	case <-j.done:
		return ErrClosed
	}
}

// Run writes until ctx ends. It is the only writer of events, installs and hosts.
func (j *Journal) Run(ctx context.Context) error {
	defer close(j.done)
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		var batch []*request
		select {
		case <-ctx.Done():
			j.save()
			return nil
		case <-tick.C:
			j.save()
			continue
		case r := <-j.requests:
			batch = append(batch, r)
		}
		for more := true; more && len(batch) < maxBatch; {
			select {
			case r := <-j.requests:
				batch = append(batch, r)
			default:
				more = false
			}
		}
		for len(batch) > 0 {
			batch = batch[j.commit(batch):]
		}
	}
}

// commit applies the requests in order to a view of the state and writes all results at
// once. A request that fails leaves no trace. A write that fails fails all of them and
// leaves the state as it was. It returns the number of requests that it took, which is less
// than all if they would make too large a transaction.
func (j *Journal) commit(batch []*request) (taken int) {
	v := &view{now: j.clock(), counted: j.Counted(), state: state{
		seq:      j.state.seq,
		installs: maps.Clone(j.state.installs),
		hosts:    maps.Clone(j.state.hosts),
		jobs:     maps.Clone(j.state.jobs),
	}, dirtyInstalls: map[string]bool{}, dirtyJobs: map[string]bool{}, dirtyHosts: map[string]bool{}}
	offset := j.noticeStep(v)
	var accepted []*request
	for _, r := range batch {
		if v.size > maxBytes {
			break
		}
		taken++
		if err := r.apply(v); err != nil {
			r.reply <- err
			continue
		}
		accepted = append(accepted, r)
	}
	ops, err := v.ops()
	if err == nil && len(ops) > 0 {
		// Not the caller's context: a write that has begun is finished. Otherwise a caller would
		// get an error although the data is on disk.
		_, err = j.store.Txn(context.Background(), nil, ops...)
	}
	if err == nil {
		for _, e := range v.events {
			j.log.Log(context.Background(), logLevel(e.Level), e.Message, "event", e.Kind, "source", e.Source, "host", e.Host, "stage", string(e.Stage), "seq", e.Seq)
		}
		j.mu.Lock()
		j.state, j.offset = v.state, offset
		close(j.changed)
		j.changed = make(chan struct{})
		j.mu.Unlock()
	} else {
		err = fmt.Errorf("writing the journal: %w", err)
	}
	for _, r := range accepted {
		r.reply <- err
	}
	return taken
}

// A view is the state as a batch of requests sees and changes it. Functions applied to it
// check first and change then, so an error leaves no trace.
type view struct {
	state
	now           time.Time // the machine's clock
	counted       time.Time
	events        []provision.Event
	size          int // bytes that the events take in the store, about
	dirtyInstalls map[string]bool
	dirtyJobs     map[string]bool
	dirtyHosts    map[string]bool
	forgotten     []string // hosts whose records go
}

// put replaces the latest install of its host.
func (v *view) put(in provision.Install) {
	if in.Job != provision.NoJob {
		v.jobs[in.Host] = in
		v.dirtyJobs[in.Host] = true
		return
	}
	v.installs[in.Host] = in
	v.dirtyInstalls[in.Host] = true
}

// append gives an event its number and folds it into its host and install.
func (v *view) append(e provision.Event) {
	v.seq++
	e.Seq = v.seq
	e = v.stamp(e)
	e.Message, e.Fields = clip(e.Message, maxText), clipFields(e.Fields)
	if b, err := json.Marshal(e); err == nil {
		v.size += 2*len(b) + 4096 // its host's record holds it too, beside an install
	}
	if e.Host != "" {
		h, known := v.hosts[e.Host]
		if in, ok := v.current(e.Host, e.Install); ok && !in.Stage.Ended() {
			e.Install = in.ID
			in = in.Advance(e)
			v.put(in)
			h.Serves = serves(h.Serves, in)
			h.Begun = h.Begun || in.Job == provision.NoJob && (in.Attempts > 0 || in.Stage == provision.Cancelled || in.Stage.Rank() >= provision.Installer.Rank())
			v.erased(in)
			if e.Stage == provision.Installer && in.Job != provision.JobRescue && in.Job != provision.JobBurnin {
				h.Agent, h.AgentVersion, h.Trusts = provision.AgentState{}, "", "" // the agent is erased with the disks
			}
		}
		if !known && stranger(e.Host) {
			v.makeRoom()
		}
		h.Host = e.Host
		if e.Kind != provision.KindLogTail && e.Kind != provision.KindConsoleTail {
			h.Last = e
		}
		if e.ByBox() {
			h.Seen, h.Counted = e.Time, e.Counted
		}
		if p := e.Fields["power"]; p != "" {
			h.Power, h.PowerAt = p, e.Time
		}
		if arch := e.Fields["arch"]; arch != "" && e.Source == "dhcp" {
			if h.SaysEFI = strings.Contains(arch, "UEFI"); !h.Proved {
				h.EFI = h.SaysEFI
			}
		}
		if e.Kind == provision.KindAttempt {
			h.EFI, h.Proved = h.SaysEFI, true
		}
		if e.Kind == "unclaimed" {
			h.Facts = e.Fields
		}
		// observed: another server's lease, beside which we are a proxy.
		if e.Source == "dhcp" && (e.Kind == "ack" || e.Kind == "observed" || e.Kind == "unclaimed") {
			h.SwitchPort = switchPort(e.Fields)
		}
		v.hosts[e.Host] = h
		v.dirtyHosts[e.Host] = true
	}
	v.events = append(v.events, e)
}

// erased marks a host's install when a wipe of its disks has begun: the next job takes
// the wipe's place as the host's latest, and the install must not seem to be there again.
func (v *view) erased(job provision.Install) {
	if in, ok := v.installs[job.Host]; ok && !in.Erased && provision.Wiped(&in, &job) {
		in.Erased = true
		v.put(in)
	}
}

// stranger reports whether a name is the hardware address of a box that is in no
// inventory: hosts' names have no colons.
func stranger(name string) bool { return strings.Count(name, ":") == 5 }

// makeRoom forgets the stranger that was seen longest ago, when there are too many.
func (v *view) makeRoom() {
	count, oldest := 0, ""
	for name, h := range v.hosts {
		if !stranger(name) {
			continue
		}
		count++
		if oldest == "" || h.Counted.Before(v.hosts[oldest].Counted) {
			oldest = name
		}
	}
	if count < maxStrangers {
		return
	}
	delete(v.hosts, oldest)
	delete(v.dirtyHosts, oldest)
	v.forgotten = append(v.forgotten, oldest)
}

// switchPort writes what option 82 says of a client's place: the port, and the switch.
func switchPort(fields map[string]string) string {
	return provision.Relay{Circuit: fields["circuit"], Remote: fields["remote"]}.Place()
}

func clip(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func clipFields(fields map[string]string) map[string]string {
	if fields == nil {
		return nil
	}
	out := make(map[string]string, min(len(fields), maxFields))
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if len(out) == maxFields {
			break
		}
		out[clip(k, 40)] = clip(fields[k], maxField)
	}
	return out
}

func (v *view) ops() ([]store.Op, error) {
	var ops []store.Op
	put := func(key string, value any) error {
		b, err := json.Marshal(value)
		ops = append(ops, store.Op{Key: key, Value: b})
		return err
	}
	for _, e := range v.events {
		if err := put(eventKey(e.Seq), e); err != nil {
			return nil, err
		}
		if e.Host != "" {
			ops = append(ops, store.Op{Key: indexKey(e.Host, e.Seq), Value: []byte{}})
		}
	}
	for host := range v.dirtyInstalls {
		if err := put(installKey(host, v.hosts[host].Installs), v.installs[host]); err != nil {
			return nil, err
		}
	}
	for host := range v.dirtyJobs {
		if err := put(jobKey(host, v.hosts[host].Jobs), v.jobs[host]); err != nil {
			return nil, err
		}
	}
	for host := range v.dirtyHosts {
		if err := put(hostPrefix+host, v.hosts[host]); err != nil {
			return nil, err
		}
	}
	for _, host := range v.forgotten {
		if !v.dirtyHosts[host] { // else it was seen again since
			ops = append(ops, store.Op{Key: hostPrefix + host, Delete: true})
		}
	}
	if len(ops) > 0 {
		err := put(clockKey, clockRecord{v.counted})
		return ops, err
	}
	return nil, nil
}

// logLevel is an event's level as the log's.
func logLevel(level string) slog.Level {
	switch level {
	case provision.LevelError:
		return slog.LevelError
	case provision.LevelWarn:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
