// Package setup writes a first configuration and inventory, for the link that boxes boot on.
package setup

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"text/template"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/inventory/role"
)

// A Site describes the link that boxes boot on, for a first configuration and inventory.
type Site struct {
	Interface string
	Address   netip.Addr // ours on the link
	Subnet    netip.Prefix
	Gateway   netip.Addr   // the link's router; invalid when none is known
	DNS       []netip.Addr // name servers that boxes can use
	// InUse are addresses that others have, as far as it is known: no leases of them.
	InUse []netip.Addr
	// Proxy: another server gives the addresses.
	Proxy bool
	// Keys are the public ssh keys that log in as root on installed hosts, a line each.
	Keys []string
	// Mirrors are package mirrors that boxes use through this machine, name to URL.
	Mirrors map[string]string
}

// A File is one file of a new configuration folder.
type File struct {
	Name string // rackhand.yaml, inventory/rack.yaml, ...
	Data []byte
}

//go:embed first
var firstTemplates embed.FS

// Files are the files of a new configuration folder: settings, an inventory with
// a network, a system, a group and a role, and the JSON Schemas for editors. They load
// without a problem.
func Files(s Site) ([]File, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	avoid := append([]netip.Addr{s.Address, s.Gateway}, s.InUse...)
	var leases inventory.Range
	if !s.Proxy {
		leases = firstLeases(s.Subnet, avoid)
	}
	host := example(s.Subnet, leases, 10, avoid)
	data := struct {
		Site
		Leases       inventory.Range
		Example, BMC netip.Addr
	}{s, leases, host, example(s.Subnet, leases, 110, append(avoid, host))}
	var out []File
	for _, name := range []string{"rackhand.yaml", "inventory/rack.yaml", "inventory/roles/web.yaml", "inventory/templates/index.html"} {
		// The role and its template have braces of their own, for later.
		t, err := template.New(path.Base(name)).Delims("<<", ">>").Option("missingkey=error").Funcs(template.FuncMap{"quote": quote}).ParseFS(firstTemplates, "first/"+name)
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, data); err != nil {
			return nil, err
		}
		out = append(out, File{name, b.Bytes()})
	}
	for name, schema := range map[string]func() ([]byte, error){"config": config.JSONSchema, "inventory": inventory.JSONSchema, "role": role.JSONSchema} {
		text, err := schema()
		if err != nil {
			return nil, err
		}
		out = append(out, File{"schema/" + name + ".schema.json", text})
	}
	slices.SortFunc(out[4:], func(a, b File) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return out, nil
}

// quote writes a text as YAML in double quotes, of which JSON's are a part.
func quote(text string) (string, error) {
	b, err := json.Marshal(text)
	return string(b), err
}

// check looks for what an inventory would refuse.
func (s Site) check() error {
	n := s.Subnet
	switch {
	case !n.IsValid() || !n.Addr().Is4() || n.Bits() < 8 || n.Bits() > 30:
		return fmt.Errorf("the subnet %s of %s can't be one that boxes boot on: it must be IPv4, from /8 to /30; name another link with --interface", n, s.Interface)
	case n != n.Masked():
		return fmt.Errorf("%s is an address within its subnet: write %s", n, n.Masked())
	case !isHost(n, s.Address):
		return fmt.Errorf("the address %s can't belong to a machine in %s", s.Address, n)
	case s.Gateway.IsValid() && !isHost(n, s.Gateway):
		return fmt.Errorf("the gateway %s can't belong to a machine in %s", s.Gateway, n)
	}
	for _, key := range s.Keys {
		if !strings.HasPrefix(key, "ssh-") && !strings.HasPrefix(key, "ecdsa-") && !strings.HasPrefix(key, "sk-") || strings.ContainsAny(key, "\n\r") {
			return fmt.Errorf("%.40q is not a public ssh key, a line such as ssh-ed25519 AAAA... you@example", key)
		}
	}
	return nil
}

// isHost reports whether an address can be a machine's in a subnet: not the first one and
// not the last.
func isHost(n netip.Prefix, a netip.Addr) bool {
	first, last := bounds(n)
	return a.Is4() && inventory.Number(a) >= first && inventory.Number(a) <= last
}

// bounds are the first and the last machine's address of a subnet, as numbers.
func bounds(n netip.Prefix) (first, last uint32) {
	base := inventory.Number(n.Masked().Addr())
	return base + 1, base + 1<<(32-n.Bits()) - 2
}

// firstLeases chooses the range for unclaimed boxes: .200 to .240 of a /24, and so in
// proportion, never more than a quarter of a subnet. Where an address in use lies in
// it, the free stretch that is nearest to the end and long enough; else the longest.
// The zero Range when a subnet has no room.
func firstLeases(n netip.Prefix, avoid []netip.Addr) inventory.Range {
	first, last := bounds(n)
	count := min(41, (last-first+1)/4)
	if count == 0 {
		return inventory.Range{}
	}
	begin := first - 1 + uint32(uint64(last-first+3)*200/256)
	end := begin + count - 1
	taken := []uint32{first - 1, last + 1}
	clear := true
	for _, a := range avoid {
		if isHost(n, a) {
			taken = append(taken, inventory.Number(a))
			clear = clear && (inventory.Number(a) < begin || inventory.Number(a) > end)
		}
	}
	if clear && end <= last {
		return inventory.Range{First: inventory.AddressOf(begin), Last: inventory.AddressOf(end)}
	}
	slices.Sort(taken)
	var longest uint32
	for i := len(taken) - 1; i > 0; i-- {
		// The addresses between two that are taken.
		free := taken[i] - taken[i-1]
		if free <= 1 {
			continue
		}
		if free--; free > longest {
			longest, end = free, taken[i]-1
		}
		if free >= count {
			break
		}
	}
	if longest == 0 {
		return inventory.Range{}
	}
	return inventory.Range{First: inventory.AddressOf(end - min(count, longest) + 1), Last: inventory.AddressOf(end)}
}

// example is an address for an example: the machine after nth of the subnet (.11 of a
// /24 for 10), or another free one.
func example(n netip.Prefix, leases inventory.Range, nth uint32, avoid []netip.Addr) netip.Addr {
	first, last := bounds(n)
	for _, from := range []uint32{min(first+nth, last), first} {
		for a := from; a <= last; a++ {
			if !leases.Contains(inventory.AddressOf(a)) && !slices.Contains(avoid, inventory.AddressOf(a)) {
				return inventory.AddressOf(a)
			}
		}
	}
	return inventory.AddressOf(first)
}
