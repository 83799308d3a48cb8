package inventory

import (
	"fmt"
	"net"
)

// A MAC is an Ethernet hardware address; comparable, unlike net.HardwareAddr.
type MAC [6]byte

// ParseMAC reads the forms that people write: 52:54:00:00:00:01,
// 52-54-00-00-00-01, 5254.0000.0001. Anything that is not 6 bytes is an error.
func ParseMAC(s string) (MAC, error) {
	hw, err := net.ParseMAC(s)
	if err != nil || len(hw) != 6 {
		return MAC{}, fmt.Errorf("%q is not a MAC address: write six bytes in hex, such as 52:54:00:00:00:01", s)
	}
	return MAC(hw), nil
}

// String writes the address in lower case with colons.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// HardwareAddr is the same address as the standard library's type.
func (m MAC) HardwareAddr() net.HardwareAddr { return net.HardwareAddr(m[:]) }

// MarshalText writes it as String does; the zero MAC is "".
func (m MAC) MarshalText() ([]byte, error) {
	if m == (MAC{}) {
		return nil, nil
	}
	return []byte(m.String()), nil
}

// UnmarshalText reads what ParseMAC reads, and "".
func (m *MAC) UnmarshalText(text []byte) (err error) {
	*m = MAC{}
	if len(text) > 0 {
		*m, err = ParseMAC(string(text))
	}
	return err
}
