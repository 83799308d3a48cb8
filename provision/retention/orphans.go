package retention

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rackhand/provision/store"
)

// Records of other packages: one for each host, or one for each job.
const (
	reportPrefix    = "report/"
	earlierPrefix   = "reports/"
	certPrefix      = "cert/"
	orderPrefix     = "order/"
	jobReportPrefix = "jobreport/"
	enrolPrefix     = "enrol/"
	factsPrefix     = "facts/"
)

// deleteOrphans deletes the reports of jobs that are no longer recorded, and the reports, the
// facts, the order and the certificate of hosts that left the inventory and were last seen longer ago than age.
// A certificate must be revoked first. A valid one, of a host that still serves, must
// survive a temporary loss of the inventory, because it is useless without its record.
func (k *Keeper) deleteOrphans(ctx context.Context, known func(install string) bool, now time.Time, age time.Duration) error {
	hosts := k.Journal.Hosts()
	gone := func(_ store.Record, host string) bool {
		h, seen := hosts[host]
		return k.Loaded() && !k.Known(host) && seen && now.Sub(h.Counted) > age
	}
	revoked := func(r store.Record) bool {
		var c struct {
			Revoked string `json:"revoked"`
		}
		return json.Unmarshal(r.Value, &c) == nil && c.Revoked != ""
	}
	for prefix, goes := range map[string]func(r store.Record, name string) bool{
		reportPrefix:    gone,
		earlierPrefix:   gone,
		orderPrefix:     gone,
		factsPrefix:     gone,
		certPrefix:      func(r store.Record, host string) bool { return gone(r, host) && revoked(r) },
		enrolPrefix:     func(r store.Record, _ string) bool { return ended(r, now) },
		jobReportPrefix: func(_ store.Record, id string) bool { return !known(id) },
	} {
		if err := deleteUnder(ctx, k.Store, prefix, goes); err != nil {
			return err
		}
	}
	return nil
}

// ended reports whether an enrolment token is too old, by counted time.
func ended(r store.Record, now time.Time) bool {
	var e struct {
		Until time.Time `json:"until"`
	}
	return json.Unmarshal(r.Value, &e) == nil && now.After(e.Until)
}

// deleteUnder deletes the records under a prefix for which goes returns true, a few at a
// time.
func deleteUnder(ctx context.Context, s store.Store, prefix string, goes func(r store.Record, name string) bool) error {
	end := prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)
	for from := prefix; ; {
		records, err := s.Range(ctx, from, end, store.MaxOps/4, false)
		if err != nil {
			return fmt.Errorf("reading what is under %s: %w", prefix, err)
		}
		if len(records) == 0 {
			return nil
		}
		var ops []store.Op
		var conds []store.Cond
		for _, r := range records {
			if goes(r, strings.TrimPrefix(r.Key, prefix)) {
				ops = append(ops, store.Op{Key: r.Key, Delete: true})
				conds = append(conds, store.Cond{Key: r.Key, Rev: r.Rev})
			}
		}
		if len(ops) > 0 {
			if _, err := s.Txn(ctx, conds, ops...); err != nil {
				return fmt.Errorf("deleting what is left under %s: %w", prefix, err)
			}
		}
		from = records[len(records)-1].Key + "\x00"
	}
}
