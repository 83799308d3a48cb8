package templates

import (
	"fmt"
	"math/big"
	"net"
	"net/netip"
)

// asPrefix takes a network as the inventory has it, or as text. Text may be an
// address with its prefix's length: its network is meant.
func asPrefix(v any) (netip.Prefix, error) {
	p, ok := v.(netip.Prefix)
	if !ok {
		var err error
		if p, err = netip.ParsePrefix(fmt.Sprint(v)); err != nil {
			return p, fmt.Errorf("this is not a network such as 10.77.0.0/24%s", shown(v, fmt.Sprint(v)))
		}
	}
	if !p.IsValid() {
		return p, fmt.Errorf("the host's address lies in no network")
	}
	return p.Masked(), nil
}

func asAddr(v any) (netip.Addr, error) {
	a, ok := v.(netip.Addr)
	if !ok {
		var err error
		if a, err = netip.ParseAddr(fmt.Sprint(v)); err != nil {
			return a, fmt.Errorf("this is not an address such as 10.77.0.11%s", shown(v, fmt.Sprint(v)))
		}
	}
	if !a.IsValid() {
		return a, fmt.Errorf("there is no address")
	}
	return a, nil
}

// netmask is netmask NETWORK: 255.255.255.0. IPv6 has no netmask.
func netmask(v any) (string, error) {
	p, err := asPrefix(v)
	if err == nil && !p.Addr().Is4() {
		err = fmt.Errorf("netmask: %s is not an IPv4 network; prefixlen gives the length of its prefix", p)
	}
	if err != nil {
		return "", err
	}
	return net.IP(net.CIDRMask(p.Bits(), 32)).String(), nil
}

// prefixLength is prefixlen NETWORK: 24.
func prefixLength(v any) (int, error) {
	p, err := asPrefix(v)
	if err != nil {
		return 0, err
	}
	return p.Bits(), nil
}

// nthAddr is addr N NETWORK: its Nth address, 0 the network's own; negative ones
// count from the end, -1 is the last.
func nthAddr(n int, network any) (netip.Addr, error) {
	p, err := asPrefix(network)
	if err != nil {
		return netip.Addr{}, err
	}
	first := new(big.Int).SetBytes(p.Addr().AsSlice())
	size := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
	at := big.NewInt(int64(n))
	if n < 0 {
		at.Add(at, size)
	}
	if at.Sign() < 0 || at.Cmp(size) >= 0 {
		return netip.Addr{}, fmt.Errorf("addr %d: %s has %s addresses", n, p, size)
	}
	a, _ := netip.AddrFromSlice(at.Add(at, first).FillBytes(make([]byte, p.Addr().BitLen()/8)))
	return a, nil
}

// broadcast is broadcast NETWORK: its last address.
func broadcast(network any) (netip.Addr, error) { return nthAddr(-1, network) }

// contains is contains NETWORK ADDRESS.
func contains(network, addr any) (bool, error) {
	p, err := asPrefix(network)
	if err != nil {
		return false, err
	}
	a, err := asAddr(addr)
	if err != nil {
		return false, err
	}
	return p.Contains(a), nil
}
