package power

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"time"

	"rackhand/provision/bmc"
	"rackhand/provision/store"
)

const (
	// keyPrefix is where the store keeps what is known about BMCs.
	keyPrefix = "bmc/"
	// maxMemory bounds a record, in bytes.
	maxMemory = 4096
	// maxBMCs bounds the records. Further BMCs are remembered by this process alone.
	maxBMCs = 4096
)

// known is what is known about a BMC. Whoever has the turn may read and write it.
type known struct {
	turn   chan struct{} // holds one token; an operation on the BMC takes it
	way    giveWay
	at     netip.AddrPort
	memory bmc.Memory
	read   bool      // from the store
	stored bool      // the store has a record
	closed time.Time // when the last session ended

	spoke bmc.Protocol // of the last login; the controller's lock guards it
}

// known finds what is known about a BMC. The protocols' own ports are one BMC.
func (c *Controller) known(a netip.AddrPort) *known {
	if a.Port() == redfishPort || a.Port() == ipmiPort {
		a = netip.AddrPortFrom(a.Addr(), 0)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.bmcs[a]
	if k == nil {
		k = &known{turn: make(chan struct{}, 1), at: a}
		k.turn <- struct{}{}
		c.bmcs[a] = k
	}
	return k
}

// key is the BMC's key in the store: its address, with a port that isn't a protocol's own.
func (k *known) key() string {
	if k.at.Port() == 0 {
		return keyPrefix + k.at.Addr().String()
	}
	return keyPrefix + k.at.String()
}

// recall reads once what the store has of a BMC. Without it, the BMC is asked again.
func (c *Controller) recall(ctx context.Context, k *known) {
	if k.read || c.opts.Store == nil {
		return
	}
	r, err := c.opts.Store.Get(ctx, k.key())
	if err == nil && len(r.Value) <= maxMemory {
		var m bmc.Memory
		if err = json.Unmarshal(r.Value, &m); err == nil {
			k.memory, k.stored = m, true
		}
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		c.log.Warn("reading what is known about a BMC", "bmc", k.at, "error", err)
		return
	}
	k.read = true
}

// keep writes what is known about a BMC. A record that is lost costs one search.
func (c *Controller) keep(ctx context.Context, k *known) {
	if c.opts.Store == nil {
		return
	}
	if !k.stored {
		if all, err := c.opts.Store.Range(ctx, keyPrefix, keyPrefix+"\xff", maxBMCs, false); err != nil || len(all) >= maxBMCs {
			return
		}
	}
	value, err := json.Marshal(k.memory)
	if err == nil && len(value) > maxMemory {
		return
	}
	if err == nil {
		_, err = c.opts.Store.Txn(context.WithoutCancel(ctx), nil, store.Op{Key: k.key(), Value: value})
	}
	if err != nil {
		c.log.Warn("keeping what is known about a BMC", "bmc", k.at, "error", err)
		return
	}
	k.stored = true
}

// Protocol is the protocol by which a BMC was last logged in to; before that, the one that the
// inventory gives. It doesn't wait for an operation that is under way.
func (c *Controller) Protocol(t bmc.Target) bmc.Protocol {
	k := c.known(t.Address)
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.spoke != "" {
		return k.spoke
	}
	return t.Protocol
}

// spoken notes by which protocol a BMC was logged in to.
func (c *Controller) spoken(k *known, p bmc.Protocol) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.memory.Protocol, k.spoke = p, p
}

// Memory returns what is known about a BMC. It waits for an operation that is under way.
func (c *Controller) Memory(ctx context.Context, a netip.AddrPort) (bmc.Memory, error) {
	k := c.known(a)
	select {
	case <-k.turn:
		defer func() { k.turn <- struct{}{} }()
	case <-ctx.Done():
		return bmc.Memory{}, ctx.Err()
	}
	c.recall(ctx, k)
	return k.memory, nil
}
