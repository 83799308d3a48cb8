package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rackhand/bootfiles/image"
	"rackhand/bootfiles/media"
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/inventory/role/shipped"
	"rackhand/provision"
	"rackhand/provision/usage"
	"rackhand/provision/web/client"
)

// completionTime is how long a completion may take: nothing is offered after it.
const completionTime = time.Second

// completions are the names of a kind, for the completion of a command line's words. It asks the
// running appliance, and the inventory's files otherwise.
func completions(ctx context.Context, kind string, words []string) []string {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	found := make(chan []string, 1)
	go func() { found <- namesOf(ctx, kind, words) }() // files may be on a share that hangs
	select {
	case names := <-found:
		return names
	case <-ctx.Done():
		return nil
	}
}

func namesOf(ctx context.Context, kind string, words []string) []string {
	cfg, err := settingsFor("", given(words, "inventory", "RACKHAND_INVENTORY", defaultInventory))
	if named := given(words, "config", "", ""); named != "" {
		cfg, err = configOrNone(named)
	}
	if err != nil || cfg == nil {
		cfg = config.Default()
	}
	state := given(words, "state", "", cfg.State)
	switch kind {
	case usage.Shipped:
		return shipped.Names()
	case usage.Image:
		all, _ := image.List(filepath.Join(state, "images"))
		return each(all, func(m *image.Manifest) string { return m.Name })
	case usage.Media:
		all, _ := media.List(filepath.Join(state, "media"))
		return each(all, func(m *media.Manifest) string { return m.Name })
	}
	st, err := client.New(given(words, "socket", "RACKHAND_SOCKET", cfg.Socket)).Status(ctx)
	if err != nil {
		return declared(kind, given(words, "inventory", "RACKHAND_INVENTORY", cfg.Inventory))
	}
	if kind == usage.System || kind == usage.Network {
		return declared(kind, given(words, "inventory", "RACKHAND_INVENTORY", cfg.Inventory))
	}
	names := map[string]bool{}
	for _, h := range st.Hosts {
		for _, name := range namesIn(kind, h) {
			names[name] = name != ""
		}
	}
	return sorted(names)
}

// namesIn are the names of a kind that the status of a host has.
func namesIn(kind string, h provision.HostStatus) []string {
	switch {
	case kind == usage.Box, kind == usage.Host && !h.Unclaimed, kind == usage.MAC && h.Unclaimed:
		return []string{h.Host}
	case kind == usage.Groups:
		return []string{h.Group}
	case kind == usage.Role:
		return h.Roles
	}
	return nil
}

// declared are the names of a kind that the inventory's files declare.
func declared(kind, dir string) []string {
	snap, _ := inventory.Load(dir, inventory.Options{})
	if snap == nil {
		return nil
	}
	names := map[string]bool{}
	switch kind {
	case usage.System:
		return slices.Sorted(maps.Keys(snap.Systems))
	case usage.Network:
		return slices.Sorted(maps.Keys(snap.Networks))
	}
	for _, h := range snap.Hosts {
		for _, name := range namesIn(kind, provision.HostStatus{Host: h.Name, Group: h.Group, Roles: h.Roles}) {
			names[name] = name != ""
		}
	}
	return sorted(names)
}

func sorted(names map[string]bool) []string {
	maps.DeleteFunc(names, func(_ string, named bool) bool { return !named })
	return slices.Sorted(maps.Keys(names))
}

func each[T any](all []T, name func(T) string) []string {
	var names []string
	for _, x := range all {
		names = append(names, name(x))
	}
	return names
}

// given is the value of a flag among words, otherwise that of the environment, otherwise the
// usual one.
func given(words []string, flag, env, usual string) string {
	for i, w := range words {
		if value, ok := strings.CutPrefix(w, "--"+flag+"="); ok {
			return value
		}
		if w == "--"+flag && i+2 < len(words) { // the last word is still being written
			return words[i+1]
		}
	}
	if env != "" && os.Getenv(env) != "" {
		return os.Getenv(env)
	}
	return usual
}
