package reports

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rackhand/provision/store"
)

const (
	// pastReport bounds an earlier report, in bytes of JSON.
	pastReport = 16 << 10
	// Earlier reports of all hosts take this part of keep.size at most, shared alike; of one
	// host between the two, in bytes as packed.
	pastPart            = 16
	leastPast, mostPast = 8 << 10, 512 << 10
)

// bytesPerHost is how many bytes the earlier reports of one host may take as packed.
func bytesPerHost(size int64, hosts int) int {
	return int(min(max(size/pastPart/int64(max(hosts, 1)), leastPast), mostPast))
}

// addEarlier puts a report before the earlier ones, in brief, and returns those that stay, also
// as packed. The oldest go when they are too many, too old or too large.
func (b *Archive) addEarlier(k Kept, list []Kept) ([]Kept, []byte, error) {
	brief, err := k.Report.Earlier(pastReport)
	if err != nil {
		return nil, nil, err
	}
	k.Report = brief
	k.Host = ""
	list = append([]Kept{k}, list...)
	list = list[:min(len(list), max(0, b.Keep.Reports-1))] // the latest is one, too
	list = b.withoutOld(list)
	b.mu.Lock()
	most := bytesPerHost(b.Keep.Size, len(b.hosts))
	b.mu.Unlock()
	for {
		packed, err := pack(list)
		if err != nil || len(packed) <= most || len(list) == 0 {
			return list, packed, err
		}
		list = list[:min(len(list)-1, len(list)*most/len(packed))]
	}
}

// withoutOld drops the reports that are too old.
func (b *Archive) withoutOld(list []Kept) []Kept {
	now := b.Counted()
	for len(list) > 0 && now.Sub(list[len(list)-1].Counted) > b.age() {
		list = list[:len(list)-1]
	}
	return list
}

func (b *Archive) age() time.Duration { return time.Duration(b.Keep.ReportDays) * 24 * time.Hour }

func oldest(list []Kept) time.Time {
	if len(list) == 0 {
		return time.Time{}
	}
	return list[len(list)-1].Counted
}

// Trim forgets the earlier reports that have become too old, of hosts that send none.
func (b *Archive) Trim(ctx context.Context) error {
	now := b.Counted()
	b.mu.Lock()
	var hosts []string
	for host, e := range b.hosts {
		if !e.oldest.IsZero() && now.Sub(e.oldest) > b.age() {
			hosts = append(hosts, host)
		}
	}
	b.mu.Unlock()
	for _, host := range hosts {
		if err := b.trim(ctx, host); err != nil && !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("forgetting old reports of %s: %w", host, err)
		}
	}
	return nil
}

func (b *Archive) trim(ctx context.Context, host string) error {
	list, rev, err := b.past(ctx, host)
	if err != nil {
		return err
	}
	list = b.withoutOld(list)
	op := store.Op{Key: pastPrefix + host, Delete: len(list) == 0}
	if !op.Delete {
		if op.Value, err = pack(list); err != nil {
			return err
		}
	}
	if rev > 0 {
		if _, err := b.Store.Txn(ctx, []store.Cond{{Key: op.Key, Rev: rev}}, op); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.hosts[host]
	e.oldest = oldest(list)
	b.hosts[host] = e
	return nil
}
