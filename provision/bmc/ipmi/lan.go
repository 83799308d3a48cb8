package ipmi

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/inventory"
	"rackhand/provision/bmc"
)

// LAN configuration parameters (IPMI 2.0 table 23-4).
const (
	lanProgress = 0 // set in progress
	lanAddress  = 3
	lanSource   = 4
	lanMAC      = 5
	lanMask     = 6
	lanGateway  = 12
	lanVLAN     = 20

	setComplete   = 0
	setInProgress = 1
	commitWrite   = 2

	sourceStatic = 1
	sourceDHCP   = 2
	vlanOn       = 1 << 15
	mostVLAN     = 4094
)

// presentChannel stands for the channel of the session (IPMI 2.0 §6.3).
const presentChannel = 0x0e

// channelOf asks for the number of the session's channel, because some BMCs don't know 0Eh in
// every command.
func (s *session) channelOf(ctx context.Context) (byte, error) {
	answer, err := s.ask(ctx, types.CommandGetChannelInfo, presentChannel)
	if err != nil && !optional(err) {
		return 0, err
	}
	if err != nil || len(answer) < 1 {
		return presentChannel, nil //nolint:nilerr // the BMC has no such command
	}
	return answer[0] & 0x0f, nil
}

// Network implements bmc.Session. What isn't asked of each BMC (gateway, VLAN) stays zero
// where it isn't there.
func (s *session) Network(ctx context.Context) (bmc.Network, error) {
	channel, err := s.channelOf(ctx)
	if err != nil {
		return bmc.Network{}, err
	}
	n, _, err := s.network(ctx, channel)
	return n, err
}

// network returns the source of the address too, which has more values than two.
func (s *session) network(ctx context.Context, channel byte) (n bmc.Network, source byte, err error) {
	var address, mask []byte
	for _, p := range []struct {
		param byte
		size  int
		must  bool
		take  func(data []byte)
	}{
		{lanAddress, 4, true, func(d []byte) { address = d }},
		{lanMask, 4, true, func(d []byte) { mask = d }},
		{lanSource, 1, true, func(d []byte) { source = d[0] & 0x0f }},
		{lanMAC, 6, true, func(d []byte) { n.MAC = inventory.MAC(d) }},
		{lanGateway, 4, false, func(d []byte) {
			if a := netip.AddrFrom4([4]byte(d)); !a.IsUnspecified() {
				n.Gateway = a
			}
		}},
		{lanVLAN, 2, false, func(d []byte) {
			if v := binary.LittleEndian.Uint16(d); v&vlanOn != 0 {
				n.VLAN = int(v & 0x0fff)
			}
		}},
	} {
		answer, err := s.ask(ctx, types.CommandGetLanConfigParam, channel, p.param, 0, 0)
		if err != nil && (p.must || !optional(err)) {
			return n, source, err
		}
		if err != nil {
			continue
		}
		if len(answer) < 1+p.size {
			return n, source, short(types.CommandGetLanConfigParam, answer, 1+p.size)
		}
		p.take(answer[1 : 1+p.size])
	}
	bits, ok := maskBits([4]byte(mask))
	if !ok {
		return n, source, &bmc.Error{Kind: bmc.ErrAnswer, Err: cause{fmt.Sprintf("it says that its subnet mask is %v", netip.AddrFrom4([4]byte(mask))), nil}, Hint: hintFirmware}
	}
	n.DHCP = source == sourceDHCP
	n.Address = netip.PrefixFrom(netip.AddrFrom4([4]byte(address)), bits)
	return n, source, nil
}

func maskBits(mask [4]byte) (bits int, ok bool) {
	m := binary.BigEndian.Uint32(mask[:])
	for m&(1<<31) != 0 {
		m <<= 1
		bits++
	}
	return bits, m == 0
}
