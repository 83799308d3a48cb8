package bmcsetup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// mediumLAN is an 802.3 LAN (IPMI 2.0 table 6-3).
const mediumLAN = 4

// lanChannel is the first channel whose medium is a LAN.
func lanChannel(ctx context.Context, d Device) (byte, error) {
	var refused error
	answered := false
	for channel := byte(1); channel <= 0x0b; channel++ {
		info, err := ask(ctx, d, "describe its channels (Get Channel Info)", 2, app, getChannelInfo, channel)
		if r := (*refusal)(nil); errors.As(err, &r) {
			refused = r // such a channel may not exist
			continue
		}
		if err != nil {
			return 0, err
		}
		answered = true
		if info[1]&0x7f == mediumLAN {
			return channel, nil
		}
	}
	if !answered {
		return 0, refused
	}
	return 0, errors.New("the BMC has no LAN channel")
}

// Parameters of a LAN channel (IPMI 2.0 table 23-4).
const (
	paramProgress = 0
	paramAddress  = 3
	paramSource   = 4
	paramMask     = 6
	paramGateway  = 12
)

// Values of parameter 0. A BMC that implements rollback drops what isn't committed.
const (
	setComplete   = 0
	setInProgress = 1
	commitWrite   = 2
)

// sourceStatic is an address that is set by hand.
const sourceStatic = 1

// A lan is the state of a LAN channel.
type lan struct {
	source                 byte
	address, mask, gateway netip.Addr
}

// lanSteps reads the channel's address and compares it.
func lanSteps(ctx context.Context, d Device, channel byte, want Settings) ([]step, error) {
	if !want.Address.IsValid() {
		return nil, nil
	}
	var have lan
	source, err := lanParameter(ctx, d, channel, paramSource, 1, "the source of its address")
	if err != nil {
		return nil, err
	}
	have.source = source[0] & 0x0f
	for _, p := range []struct {
		number byte
		name   string
		to     *netip.Addr
	}{{paramAddress, "its address", &have.address}, {paramMask, "its subnet mask", &have.mask}, {paramGateway, "its gateway", &have.gateway}} {
		if p.number == paramGateway && !want.Gateway.IsValid() {
			continue
		}
		data, err := lanParameter(ctx, d, channel, p.number, 4, p.name)
		if err != nil {
			return nil, err
		}
		*p.to = netip.AddrFrom4([4]byte(data))
	}
	return have.steps(channel, want), nil
}

func lanParameter(ctx context.Context, d Device, channel, number byte, least int, what string) ([]byte, error) {
	data, err := ask(ctx, d, "say "+what, least+1, transport, getLAN, channel, number, 0, 0)
	if err != nil {
		return nil, err
	}
	return data[1:], nil // after the parameter's revision
}

// steps leads to the wanted address. The source comes first: a BMC that uses DHCP takes no
// address. The VLAN stays as it is.
func (l lan) steps(channel byte, want Settings) []step {
	var out []step
	add := func(number byte, data []byte, what string) {
		out = append(out, step{what: what, netFn: transport, cmd: setLAN, data: append([]byte{channel, number}, data...)})
	}
	mask := netip.AddrFrom4([4]byte(net.CIDRMask(want.Address.Bits(), 32)))
	if l.source != sourceStatic {
		add(paramSource, []byte{sourceStatic}, "a static address instead of "+sourceName(l.source))
	}
	if l.address != want.Address.Addr() {
		add(paramAddress, want.Address.Addr().AsSlice(), fmt.Sprintf("the address %s (it was %s)", want.Address.Addr(), l.address))
	}
	if l.mask != mask {
		add(paramMask, mask.AsSlice(), fmt.Sprintf("the subnet mask %s (it was %s)", mask, l.mask))
	}
	if want.Gateway.IsValid() && l.gateway != want.Gateway {
		add(paramGateway, want.Gateway.AsSlice(), fmt.Sprintf("the gateway %s (it was %s)", want.Gateway, l.gateway))
	}
	if len(out) == 0 {
		return nil
	}
	progress := func(value byte) step {
		return step{netFn: transport, cmd: setLAN, data: []byte{channel, paramProgress, value}}
	}
	return slices.Concat([]step{progress(setInProgress)}, out, []step{progress(commitWrite), progress(setComplete)})
}

func sourceName(source byte) string {
	switch source {
	case 2:
		return "DHCP"
	case 3:
		return "one from the firmware"
	}
	return fmt.Sprintf("source %d", source)
}
