package operate

import (
	"context"
	"fmt"
	"sort"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/pki"
)

// Status returns the status of the appliance and of all hosts.
func (o *Operator) Status(ctx context.Context) (provision.Status, error) {
	hosts := Statuses(o.Snapshot(), shown(o.Journal, o.Journal.Installs()), shown(o.Journal, o.Journal.Jobs()), o.Journal.SeenHosts())
	status := provision.Status{
		Hosts:    withRuns(hosts, o.Runs(), o.Now()),
		Problems: o.Problems(), Seq: o.Journal.Seq(), Database: o.Database(),
	}
	if o.Diagnosis != nil {
		d, err := o.Diagnosis.Diagnose(ctx, o.Snapshot(), o.Now())
		if err != nil {
			return status, err
		}
		status.Links = d.Links
		for i := range status.Hosts {
			h := &status.Hosts[i]
			h.Stuck, h.Place = d.Stuck[h.Host], d.Places[h.Host]
		}
	}
	if o.Polled != nil {
		addPolled(status.Hosts, o.Polled(), o.Journal.Hosts())
	}
	provision.SortHosts(status.Hosts, o.Now())
	if o.Authority == nil {
		return status, nil
	}
	certificates, err := o.Authority.Certs(ctx)
	addCertificates(status.Hosts, certificates)
	status.CAExpires = o.Authority.Expires()
	return status, err
}

// addPolled adds what BMCs said when they were polled. The power state is that of the poll, if
// no event of a command is newer and the BMC isn't silent.
func addPolled(hosts []provision.HostStatus, polled map[string]provision.BMCState, seen map[string]journal.Host) {
	for i := range hosts {
		s, ok := polled[hosts[i].Host]
		if !ok {
			continue
		}
		hosts[i].BMCState = &s
		if s.SilentSince.IsZero() && s.Power != "" && s.Answered.After(seen[hosts[i].Host].PowerAt) {
			hosts[i].Power = s.Power
		}
	}
}

// addCertificates adds the state of their certificates to the status of the hosts.
func addCertificates(hosts []provision.HostStatus, all []pki.Cert) {
	of := make(map[string]pki.Cert, len(all))
	for _, c := range all {
		of[c.Host] = c
	}
	for i := range hosts {
		if c, ok := of[hosts[i].Host]; ok {
			hosts[i].Certificate = &provision.CertificateStatus{Expires: c.Expires, Due: c.Due(), Revoked: c.Revoked}
		}
	}
}

// Statuses computes the status of every host and unclaimed box for the operator, hosts first,
// each by name. It is pure.
func Statuses(snap *inventory.Snapshot, installs, jobs map[string]provision.Install, seen map[string]journal.Host) []provision.HostStatus {
	var out []provision.HostStatus
	for _, name := range snap.HostNames() {
		h := snap.Hosts[name]
		s := provision.HostStatus{Host: name, Address: h.Address.String(), Group: h.Group, Role: h.Role(), Roles: h.Roles, Power: "unknown"}
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
			Maker: j.Facts["maker"], ProbablyBMC: j.Facts["bmc"], SwitchPort: j.SwitchPort, LastSeen: j.Seen, Last: &last,
		})
	}
	sort.Slice(unclaimed, func(i, k int) bool { return unclaimed[i].Host < unclaimed[k].Host })
	return append(out, unclaimed...)
}

// shown turns the counted times of installs and jobs into times of day.
func shown(j *journal.Journal, all map[string]provision.Install) map[string]provision.Install {
	for host, in := range all {
		all[host] = j.Shown(in)
	}
	return all
}
