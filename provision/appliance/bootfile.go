package appliance

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/netip"
	"path/filepath"
	"strconv"
	"time"

	"rackhand/bootfiles"
	"rackhand/bootfiles/media"
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/dhcp"
	"rackhand/provision/handout"
	"rackhand/provision/preview"
	"rackhand/provision/web"
	"rackhand/templates"
)

// bootFiles are the boot programs: the operator's own, those of this machine's
// packages, and those that `rackhand bootfiles fetch` has put into the state folder.
func bootFiles(cfg *config.Config) *bootfiles.Files {
	return bootfiles.New(cfg.Bootfiles).WithFetched(filepath.Join(cfg.State, "bootfiles"))
}

// newHandout makes the maker of scripts and answer files, from the state folder and the
// operator's templates.
func newHandout(cfg *config.Config, set *templates.Set, secret func(string) (string, error), random io.Reader) *handout.Maker {
	return &handout.Maker{
		Templates: set, Secret: secret, Secrets: cfg.Secrets, Random: random, Images: filepath.Join(cfg.State, "images"),
		Media: media.NewStore(filepath.Join(cfg.State, "media")), Mirrors: preview.MirrorNames(cfg),
	}
}

// openAt opens what a client of TFTP asks for that came to our address local.
func (a *Appliance) openAt(local netip.Addr) func(context.Context, netip.Addr, string) (io.ReadSeekCloser, int64, error) {
	files := a.web.TFTP()
	return func(ctx context.Context, peer netip.Addr, name string) (io.ReadSeekCloser, int64, error) {
		return files.Open(web.WithLocal(ctx, local), peer, name)
	}
}

// leaseholder is the MAC that holds the lease of an address. A host of the inventory
// is looked up by its leases; any other address is looked for among all of them, once
// for a file and not for each packet.
func (a *Appliance) leaseholder(ctx context.Context, addr netip.Addr) (inventory.MAC, bool) {
	snap := a.holder.Current()
	n := snap.NetworkOf(addr)
	proxy := n != nil && n.Mode() == inventory.DHCPProxy
	// When a network's mode was changed, old leases of the other kind still stand: a
	// server knows of its own kind alone, and may have given the address away since.
	current := func(l provision.Lease) bool { return (l.Server != "") == proxy }
	if h := snap.HostByAddress(addr); h != nil {
		// Beside another server several of its cards may have been heard to have it: the
		// one that booted last is the one that asks.
		var booted time.Time
		holder, found := inventory.MAC{}, false
		for _, mac := range h.MACs {
			l, ok := a.lease(ctx, mac)
			if ok && l.Address == addr.String() && current(l) && (!found || l.Booted.After(booted)) {
				holder, booted, found = mac, l.Booted, true
			}
		}
		if found {
			return holder, true
		}
	}
	records, _, err := a.store.List(ctx, dhcp.LeasePrefix)
	if err != nil {
		a.Log.Error("reading the leases", "error", err)
		return inventory.MAC{}, false
	}
	var latest provision.Lease
	quoted := []byte(strconv.Quote(addr.String())) // to parse all of them takes too long
	for _, r := range records {
		var l provision.Lease
		if !bytes.Contains(r.Value, quoted) || json.Unmarshal(r.Value, &l) != nil || l.Address != addr.String() {
			continue
		}
		// Of two, the one that is good for longer: an address is given to another box
		// only after its lease has ended.
		if latest.MAC == "" || current(l) && !current(latest) || current(l) == current(latest) && l.Expires.After(latest.Expires) {
			latest = l
		}
	}
	mac, err := inventory.ParseMAC(latest.MAC)
	return mac, err == nil
}
