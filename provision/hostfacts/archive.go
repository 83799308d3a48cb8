// Package hostfacts keeps the facts that agents send of their hosts: system, processor,
// memory, disks, and what the operator's own programs say. Facts are a host's claims. They
// are checked against bounds, kept one record a host, and used for that host alone.
package hostfacts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/limit"
	"rackhand/provision/store"
)

// prefix begins the key of a host's facts, facts/HOST.
const prefix = "facts/"

// Errors of Put and Get.
var (
	// ErrNone: the archive has no facts of the host.
	ErrNone = errors.New("no facts are kept")
	// ErrInvalid: the facts are not what is taken. Those that are kept stay.
	ErrInvalid = errors.New("facts refused")
	// ErrTooOften: the host's facts were written less than a minute ago.
	ErrTooOften = errors.New("the facts of a host are written once a minute at most")
)

// Kept are the facts of a host.
type Kept struct {
	Host     string    `json:"host"`
	Received time.Time `json:"received"`
	// Sum is the SHA-256 of the body that came.
	Sum   string          `json:"sha256"`
	Facts json.RawMessage `json:"facts"`
}

// Options configure an Archive.
type Options struct {
	Store store.Store
	Clock func() time.Time
	// Counted is the time that the appliance has run: it doesn't jump.
	Counted func() time.Time
	Log     *slog.Logger
}

// An Archive keeps the facts of all hosts. Its methods may be called at once. A nil Archive has
// none.
type Archive struct {
	Options
	written *limit.Limiter // hosts whose facts were written within a minute

	mu   sync.Mutex
	sums map[string]string // of each host's facts
}

// maxHosts is how many hosts may send facts within a minute; an inventory has fewer.
const maxHosts = 1 << 16

// New makes an archive; Load reads which facts are kept.
func New(o Options) *Archive {
	return &Archive{Options: o, sums: map[string]string{}, written: &limit.Limiter{Most: maxHosts}}
}

// Load reads which facts are kept. A record that can't be read is as none: the agent is asked
// for its facts.
func (a *Archive) Load(ctx context.Context) error {
	sums := map[string]string{}
	err := a.each(ctx, func(host string, k Kept) error {
		sums[host] = k.Sum
		return nil
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.Copy(sums, a.sums) // what came meanwhile
	a.sums = sums
	return nil
}

// each calls f for the facts of every host. A few records are in memory at a time.
func (a *Archive) each(ctx context.Context, f func(host string, k Kept) error) error {
	const end = "facts0" // the key behind all of the prefix
	for from := prefix; ; {
		records, err := a.Store.Range(ctx, from, end, 32, false)
		if err != nil {
			return fmt.Errorf("reading the facts of hosts: %w", err)
		}
		if len(records) == 0 {
			return nil
		}
		for _, r := range records {
			host := strings.TrimPrefix(r.Key, prefix)
			k, err := read(r.Value)
			if err != nil {
				a.Log.Error("the facts of a host can't be read", "host", host, "error", err)
				continue
			}
			if err := f(host, k); err != nil {
				return err
			}
		}
		from = records[len(records)-1].Key + "\x00"
	}
}

// read reads a record. What it says of its own sum is not believed.
func read(value []byte) (k Kept, err error) {
	if err := json.Unmarshal(value, &k); err != nil {
		return Kept{}, err
	}
	if _, err := catalog.DecodeFacts(k.Facts); err != nil {
		return Kept{}, err
	}
	if !catalog.IsSHA256(k.Sum) {
		return Kept{}, errors.New("no SHA-256 of the facts")
	}
	return k, nil
}

// Sum is the SHA-256 of the facts that a host's agent sent last; "" when none are kept.
func (a *Archive) Sum(host string) string {
	if a == nil {
		return ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sums[host]
}

// Put keeps the facts that a host's agent sent. It writes nothing when they are those that are
// kept. The error wraps ErrInvalid or ErrTooOften where these are the reason.
func (a *Archive) Put(ctx context.Context, host string, body []byte) (changed bool, err error) {
	if _, err := catalog.DecodeFacts(body); err != nil {
		return false, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	sum := catalog.FactsSum(body)
	if a.Sum(host) == sum {
		return false, nil
	}
	if !a.written.Allow(host, a.Counted()) {
		return false, ErrTooOften
	}
	var value bytes.Buffer
	enc := json.NewEncoder(&value)
	enc.SetEscapeHTML(false) // escaped, they may be larger than DecodeFacts takes
	if err := enc.Encode(Kept{Host: host, Received: a.Clock().UTC(), Sum: sum, Facts: body}); err != nil {
		return false, fmt.Errorf("keeping the facts of %s: %w", host, err)
	}
	if _, err := a.Store.Txn(ctx, nil, store.Op{Key: prefix + host, Value: value.Bytes()}); err != nil {
		return false, fmt.Errorf("keeping the facts of %s: %w", host, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sums[host] = sum
	return true, nil
}

// Get returns a host's facts. The error wraps ErrNone when there are none.
func (a *Archive) Get(ctx context.Context, host string) (Kept, error) {
	k, err := a.get(ctx, host)
	if errors.Is(err, ErrNone) { // such as deleted with a host that had left the inventory
		a.mu.Lock()
		delete(a.sums, host)
		a.mu.Unlock()
	}
	return k, err
}

func (a *Archive) get(ctx context.Context, host string) (Kept, error) {
	r, err := a.Store.Get(ctx, prefix+host)
	if errors.Is(err, store.ErrNotFound) {
		return Kept{}, fmt.Errorf("%w of %s", ErrNone, host)
	}
	if err != nil {
		return Kept{}, fmt.Errorf("reading the facts of %s: %w", host, err)
	}
	k, err := read(r.Value)
	if err != nil {
		return Kept{}, fmt.Errorf("%w of %s: the record can't be read: %w", ErrNone, host, err)
	}
	return k, nil
}

// maxAll bounds the facts of all hosts together that All returns, in bytes.
const maxAll = 32 << 20

// All returns the facts of all hosts, by host. More than 32 MiB are an error.
func (a *Archive) All(ctx context.Context) (map[string]json.RawMessage, error) {
	all, size := map[string]json.RawMessage{}, 0
	err := a.each(ctx, func(host string, k Kept) error {
		if size += len(k.Facts); size > maxAll {
			return fmt.Errorf("the facts of all hosts have more than %d MiB: ask for those of one host", maxAll>>20)
		}
		all[host] = k.Facts
		return nil
	})
	return all, err
}

// Of returns a host's facts and their sum, for its catalog; nil and "" when there are none.
func (a *Archive) Of(host string) (facts map[string]any, sum string) {
	if a.Sum(host) == "" {
		return nil, ""
	}
	k, err := a.Get(context.Background(), host)
	if err == nil {
		facts, err = catalog.DecodeFacts(k.Facts)
	}
	if err != nil {
		if !errors.Is(err, ErrNone) {
			a.Log.Error("the catalog is made without the host's facts", "host", host, "error", err)
		}
		return nil, ""
	}
	return facts, k.Sum
}
