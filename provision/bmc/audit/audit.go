package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/store"
)

// Key is where the store keeps the latest audit of all BMCs.
const Key = "audit/bmc"

// An Auditor audits the BMCs of the inventory in force.
type Auditor struct {
	Gatherer
	Store    store.Store
	Snapshot func() *inventory.Snapshot
	// Target is where a host's BMC answers. Its errors wrap bmc.ErrNoBMC or bmc.ErrPassword.
	Target func(*inventory.Host) (bmc.Target, error)
	// Busy reports whether an install or job of a host is under way.
	Busy func(host string) bool
	// Strangers are addresses outside the inventory that may be BMCs'.
	Strangers func(context.Context) ([]Stranger, error)

	underWay atomic.Bool
}

// Audit asks the BMCs, judges and ranks. An audit of all hosts is kept for Last.
func (a *Auditor) Audit(ctx context.Context, r provision.AuditRequest) (provision.Audit, error) {
	if !a.underWay.CompareAndSwap(false, true) {
		return provision.Audit{}, provision.ErrAuditUnderWay
	}
	defer a.underWay.Store(false)
	hosts, err := a.hosts(r.Hosts)
	if err != nil {
		return provision.Audit{}, err
	}
	var strangers []Stranger
	if len(r.Hosts) == 0 {
		if strangers, err = a.Strangers(ctx); err != nil {
			return provision.Audit{}, fmt.Errorf("the addresses outside the inventory: %w", err)
		}
	}
	out := provision.Audit{At: a.Clock(), Hosts: r.Hosts, Factory: r.Factory}
	facts, err := a.Gather(ctx, hosts, strangers, r.Factory)
	if err != nil {
		return provision.Audit{}, err
	}
	for _, f := range facts {
		if f.Host != "" && !f.NoBMC {
			out.BMCs++
		}
	}
	out.Findings = Rank(Judge(facts, a.Clock()))
	return out, a.keep(ctx, out)
}

// hosts returns the hosts with these names, or all.
func (a *Auditor) hosts(names []string) ([]Host, error) {
	snap := a.Snapshot()
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(snap.Hosts))
	}
	var out []Host
	for _, name := range slices.Compact(slices.SortedFunc(slices.Values(names), provision.CompareNames)) {
		h := snap.Hosts[name]
		if h == nil {
			return nil, provision.NoHost(name, snap.HostNames())
		}
		x := Host{Name: name, Busy: a.Busy(name)}
		x.Target, x.Err = a.Target(h)
		out = append(out, x)
	}
	return out, nil
}

// keep records an audit, and stores one of all BMCs.
func (a *Auditor) keep(ctx context.Context, out provision.Audit) error {
	if len(out.Hosts) == 0 {
		value, err := json.Marshal(out)
		if err != nil {
			return err
		}
		if _, err := a.Store.Txn(ctx, nil, store.Op{Key: Key, Value: value}); err != nil {
			return fmt.Errorf("keeping the audit: %w", err)
		}
	}
	return a.Record(provision.Event{Source: "bmc", Kind: "audit", Message: "an audit of " + summary(out)})
}

// Last returns the latest audit of all BMCs; ok is false without one.
func (a *Auditor) Last(ctx context.Context) (out provision.Audit, ok bool, err error) {
	r, err := a.Store.Get(ctx, Key)
	if errors.Is(err, store.ErrNotFound) {
		return out, false, nil
	}
	if err == nil {
		err = json.Unmarshal(r.Value, &out)
	}
	return out, err == nil, err
}

// summary is what came of an audit: "12 BMCs found: 3 critical, 5 warnings".
func summary(a provision.Audit) string {
	text := "1 BMC"
	if a.BMCs != 1 {
		text = fmt.Sprintf("%d BMCs", a.BMCs)
	}
	if len(a.Findings) == 0 {
		return text + " found nothing"
	}
	return text + " found: " + a.Summary()
}
