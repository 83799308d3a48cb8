package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/installlog"
	"rackhand/provision/journal"
)

// Statuses computes what an operator sees of every host and unclaimed box, hosts
// first, each by name. It is pure.
func Statuses(snap *inventory.Snapshot, installs, jobs map[string]provision.Install, seen map[string]journal.Host) []provision.HostStatus {
	var out []provision.HostStatus
	for _, name := range snap.HostNames() {
		h := snap.Hosts[name]
		s := provision.HostStatus{Host: name, Address: h.Address.String(), Group: h.Group, Role: h.Role, Power: "unknown"}
		for _, m := range h.MACs {
			s.MACs = append(s.MACs, m.String())
		}
		if h.System != nil {
			s.System = h.System.Name
		}
		if h.Rack != nil {
			s.Rack = fmt.Sprintf("%s unit %d", h.Rack.Name, h.Rack.Unit)
		}
		if h.BMC != nil {
			s.BMC = h.BMC.Address.Addr().String()
		}
		if in, ok := installs[name]; ok {
			in = in.Public()
			s.Install = &in
		}
		if job, ok := jobs[name]; ok {
			job = job.Public()
			job.Order.Keys = nil
			s.Job = &job
		}
		if j, ok := seen[name]; ok {
			last := j.Last
			s.LastSeen, s.Last, s.SwitchPort = j.Seen, &last, j.SwitchPort
			if j.Power != "" {
				s.Power = j.Power
			}
			s.AgentVersion = j.AgentVersion
			if !j.Agent.Plain() {
				s.Agent = &j.Agent
			}
		}
		out = append(out, s)
	}
	var unclaimed []provision.HostStatus
	for name, j := range seen {
		mac, err := inventory.ParseMAC(name)
		if err != nil || snap.HostByMAC(mac) != nil || snap.HostByBMC(mac) != nil {
			continue
		}
		last := j.Last
		unclaimed = append(unclaimed, provision.HostStatus{
			Host: name, Unclaimed: true, MACs: []string{name}, Address: j.Facts["address"],
			Maker: j.Facts["maker"], SwitchPort: j.SwitchPort, LastSeen: j.Seen, Last: &last,
		})
	}
	sort.Slice(unclaimed, func(i, k int) bool { return unclaimed[i].Host < unclaimed[k].Host })
	return append(out, unclaimed...)
}

// source is what the status page reads.
type source struct{ a *Appliance }

func (s source) Hosts(ctx context.Context) ([]provision.HostStatus, error) {
	st, err := s.a.Status(ctx)
	return st.Hosts, err
}

func (s source) Events(ctx context.Context, host string, limit int) ([]provision.Event, error) {
	return s.a.journal.Events(ctx, host, limit)
}

func (s source) Subscribe(ctx context.Context, after uint64) (<-chan provision.Event, error) {
	return s.a.journal.Subscribe(ctx, after)
}

// HasLog and Log make it a page.LogSource.
func (s source) HasLog(install string) bool { return s.a.logs.Has(install) }

func (s source) Log(install string) (io.ReadSeekCloser, error) {
	f, err := s.a.logs.Open(install)
	if errors.Is(err, installlog.ErrNoLog) {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (s source) Problems() []string { return s.a.problems() }

// inForce goes with the problems of an inventory that was not taken in.
const inForce = "    the last good inventory stays in force until this is mended\n"

func (a *Appliance) problems() []string {
	var out []string
	for _, p := range a.holder.Problems() {
		out = append(out, p.String())
	}
	if n := len(out); n > 0 {
		out[n-1] += inForce
	}
	for _, p := range a.lacking.Problems(a.supply, a.Clock()) {
		out = append(out, p.String())
	}
	out = append(out, a.agentProblems()...)
	return append(out, a.gate.Problems()...)
}

// shown turns the counted times of installs and jobs into times of day.
func shown(j *journal.Journal, all map[string]provision.Install) map[string]provision.Install {
	for host, in := range all {
		all[host] = j.Shown(in)
	}
	return all
}
