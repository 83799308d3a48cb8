package orders

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/store"
)

// Prefix is where a host's record is kept: order/HOST.
const Prefix = "order/"

// Options configure a Keeper.
type Options struct {
	Store   store.Store
	Counted func() time.Time // counted time, which no step of the machine's clock moves
	Clock   func() time.Time // the machine's
	Random  io.Reader
}

// A Keeper keeps the orders of all hosts.
type Keeper struct {
	Options
	mu      sync.Mutex
	records map[string]Record
	waiting map[string]*waiter // the agents that ask now
	rev     uint64
	changed chan struct{} // closed at the next change
}

// A waiter is an agent's request for an order.
type waiter struct {
	ended chan struct{} // closed when a newer request takes its place
	wake  chan struct{} // something about its host has changed
}

// Open reads the records.
func Open(ctx context.Context, o Options) (*Keeper, error) {
	k := &Keeper{Options: o, records: map[string]Record{}, waiting: map[string]*waiter{}, changed: make(chan struct{})}
	// Beyond all revisions of before the restart, so that no change is missed.
	k.rev = uint64(o.Counted().UnixMicro())
	all, _, err := o.Store.List(ctx, Prefix)
	if err != nil {
		return nil, fmt.Errorf("reading the orders: %w", err)
	}
	for _, r := range all {
		var rec Record
		if err := json.Unmarshal(r.Value, &rec); err != nil {
			return nil, fmt.Errorf("reading the orders: %s: %w", r.Key, err)
		}
		k.note(r.Key[len(Prefix):], rec)
	}
	return k, nil
}

// Place orders something of a host's agent. An open order that says the same is returned
// instead. The error wraps ErrNeverAsks or ErrUnderWay.
func (k *Keeper) Place(ctx context.Context, host string, o catalog.Order) (order Order, joined bool, err error) {
	var b [8]byte
	if _, err := io.ReadFull(k.Random, b[:]); err != nil {
		return Order{}, false, fmt.Errorf("an order's id: reading randomness: %w", err)
	}
	o.ID = hex.EncodeToString(b[:])
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire(host)
	now := k.Counted()
	next, joined, err := k.records[host].place(Order{Order: o, Host: host, State: Waiting, Created: now, Expires: now.Add(WaitFor)})
	if err == nil && !joined {
		err = k.put(ctx, host, next, true)
	}
	if err != nil {
		return Order{}, false, err
	}
	return k.shown(*k.records[host].Order), joined, nil
}

// Wait waits for an order of a host's agent, whose latest one was last. It returns nil when
// ctx ends or the agent asks again. What is returned may not have reached the agent: it is
// returned again until the agent says that it was its latest, or its report comes.
func (k *Keeper) Wait(ctx context.Context, host, last string) (*catalog.Order, error) {
	w := &waiter{ended: make(chan struct{}), wake: make(chan struct{}, 1)}
	k.mu.Lock()
	defer k.mu.Unlock()
	if before := k.waiting[host]; before != nil {
		close(before.ended)
	}
	k.waiting[host] = w
	defer func() {
		if k.waiting[host] == w {
			delete(k.waiting, host)
		}
	}()
	if r := k.records[host]; !r.Asks {
		r.Asks = true
		if err := k.put(ctx, host, r, true); err != nil {
			return nil, err
		}
	}
	for {
		k.expire(host)
		next, order := k.records[host].deliver(last, k.Counted())
		if order != nil {
			// Not on disk: after a restart the agent asks again.
			return order, k.put(ctx, host, next, false)
		}
		k.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-w.ended:
		case <-w.wake:
		}
		k.mu.Lock()
		if ctx.Err() != nil || k.waiting[host] != w {
			return nil, nil
		}
	}
}

// Answer notes the report of a run that was ordered. Reports of other runs change nothing.
func (k *Keeper) Answer(ctx context.Context, host string, r catalog.Report) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	next, ok := k.records[host].answer(r)
	if !ok {
		return nil
	}
	return k.put(ctx, host, next, true)
}

// Connected reports whether a host's agent waits for orders now.
func (k *Keeper) Connected(host string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.waiting[host] != nil
}

// Changes returns the orders of hosts that were changed after a revision, and the latest
// revision. It waits until there are some, or ctx ends; times are times of day.
func (k *Keeper) Changes(ctx context.Context, hosts []string, after uint64) (changes []Order, rev uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		k.expire(hosts...)
		for _, h := range hosts {
			if o := k.records[h].Order; o != nil && o.Rev > after {
				changes = append(changes, k.shown(*o))
			}
		}
		if len(changes) > 0 || ctx.Err() != nil {
			return changes, k.rev
		}
		changed := k.changed
		k.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-changed:
		}
		k.mu.Lock()
	}
}

// expire ends the orders of hosts whose time has passed. It needs no disk: the time passes
// again.
func (k *Keeper) expire(hosts ...string) {
	now := k.Counted()
	for _, host := range hosts {
		if next, ok := k.records[host].expire(now); ok {
			k.note(host, next)
		}
	}
}

// put changes a host's record, on disk first.
func (k *Keeper) put(ctx context.Context, host string, r Record, disk bool) error {
	if disk {
		b, err := json.Marshal(r)
		if err == nil {
			_, err = k.Store.Txn(ctx, nil, store.Op{Key: Prefix + host, Value: b})
		}
		if err != nil {
			return fmt.Errorf("keeping the order of %s: %w", host, err)
		}
	}
	k.note(host, r)
	return nil
}

func (k *Keeper) note(host string, r Record) {
	k.rev++
	if r.Order != nil {
		o := *r.Order
		o.Rev = k.rev
		r.Order = &o
	}
	k.records[host] = r
	if w := k.waiting[host]; w != nil {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	close(k.changed)
	k.changed = make(chan struct{})
}

// shown is an order with times of day.
func (k *Keeper) shown(o Order) Order {
	ahead := k.Clock().Sub(k.Counted())
	o.Created, o.Expires = o.Created.Add(ahead), o.Expires.Add(ahead)
	return o
}
