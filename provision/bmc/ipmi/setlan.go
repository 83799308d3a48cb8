package ipmi

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// A setting is a LAN parameter with its data.
type setting struct {
	param byte
	data  []byte
}

// SetNetwork writes what differs, the address last: after it the BMC may be gone from where
// it was, and nothing is read back. The caller asks it at its new address.
func (s *session) SetNetwork(ctx context.Context, n bmc.Network) error {
	if err := checkNetwork(n); err != nil {
		return err
	}
	channel, err := s.channelOf(ctx)
	if err != nil {
		return err
	}
	now, source, err := s.network(ctx, channel)
	if err != nil {
		return err
	}
	changes := networkChanges(now, source, n)
	if len(changes) == 0 {
		return nil
	}
	// Many BMCs don't have the parameter "set in progress", and need none. Those that have it
	// may discard what is written, unless it is committed.
	_, err = s.ask(ctx, types.CommandSetLanConfigParam, channel, lanProgress, setInProgress)
	inProgress := err == nil
	if err != nil && !optional(err) {
		return err
	}
	for i, c := range changes {
		send := s.ask
		if i == len(changes)-1 {
			send = s.once
		}
		_, err = send(ctx, types.CommandSetLanConfigParam, append([]byte{channel, c.param}, c.data...)...)
		if errors.Is(err, bmc.ErrSilent) {
			return &bmc.Error{Kind: bmc.ErrSilent, Err: cause{"no answer to its new settings", err}, Hint: "ask it at its new address: it may have it already"}
		}
		if err != nil {
			break
		}
	}
	finish := []byte{commitWrite, setComplete}
	if err != nil {
		finish = []byte{setComplete} // discards them
	}
	for i := 0; inProgress && i < len(finish); i++ {
		// The BMC may be gone already.
		if _, failed := s.quick(ctx, s.driver.exchange(), types.CommandSetLanConfigParam, channel, lanProgress, finish[i]); failed != nil {
			s.log.Debug("BMC doesn't say that its new settings are complete", "error", failed)
		}
	}
	return err
}

func checkNetwork(n bmc.Network) error {
	wrong := func(format string, a ...any) error {
		return &bmc.Error{Kind: bmc.ErrRefused, Err: fmt.Errorf(format, a...), Hint: "IPMI takes an IPv4 address with its prefix, and a gateway in it"}
	}
	switch a := n.Address; {
	case n.VLAN < 0 || n.VLAN > mostVLAN:
		return wrong("VLAN %d is not between 1 and %d", n.VLAN, mostVLAN)
	case n.DHCP:
		return nil
	case !a.IsValid() || !a.Addr().Is4() || a.Bits() == 0 || a.Addr().IsUnspecified() || a.Addr().IsMulticast():
		return wrong("%v is no address for a BMC", a)
	case n.Gateway.IsValid() && !(n.Gateway.Is4() && a.Masked().Contains(n.Gateway)):
		return wrong("the gateway %v is not in %v", n.Gateway, a.Masked())
	}
	return nil
}

// networkChanges are the parameters to write, in this order: source, VLAN, gateway, mask,
// address. The BMC keeps answering until the last.
func networkChanges(now bmc.Network, source byte, want bmc.Network) (all []setting) {
	if !want.DHCP && source != sourceStatic {
		all = append(all, setting{lanSource, []byte{sourceStatic}})
	}
	if !want.DHCP {
		gateway := [4]byte{}
		if want.Gateway.IsValid() {
			gateway = want.Gateway.As4()
		}
		if now.Gateway != want.Gateway {
			all = append(all, setting{lanGateway, gateway[:]})
		}
		if now.Address.Bits() != want.Address.Bits() {
			mask := binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-want.Address.Bits()))
			all = append(all, setting{lanMask, mask})
		}
		if a := want.Address.Addr().As4(); now.Address.Addr() != want.Address.Addr() {
			all = append(all, setting{lanAddress, a[:]})
		}
	}
	if now.VLAN != want.VLAN {
		v := uint16(want.VLAN)
		if v != 0 {
			v |= vlanOn
		}
		all = append(all, setting{lanVLAN, binary.LittleEndian.AppendUint16(nil, v)})
	}
	if now.DHCP != want.DHCP && want.DHCP {
		all = append(all, setting{lanSource, []byte{sourceDHCP}})
	}
	return all
}
