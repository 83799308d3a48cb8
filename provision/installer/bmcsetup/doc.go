// Package bmcsetup sets up the box's own BMC from inside the box: the address of its port,
// an account, and IPMI over LAN. It writes what differs from the wanted settings, reads it
// back, and says what it changed. It never touches user slot 1 (IPMI's anonymous user), and
// removes no account.
//
// The commands go through the kernel's driver, /dev/ipmi0 (linux/ipmi.h). There no login is
// needed: the system interface has every privilege (IPMI 2.0 §6.3).
package bmcsetup

import (
	"errors"
	"fmt"
	"net/netip"
)

// Settings are what a BMC is to have.
type Settings struct {
	// Address is that of its port with the length of its network's prefix; invalid: the BMC
	// keeps the one it has.
	Address netip.Prefix `json:"address"`
	Gateway netip.Addr   `json:"gateway"` // invalid: it keeps the one it has
	User    string       `json:"user"`    // at most 16 bytes
	// Password is at most 20 bytes. It is in no error and no result.
	Password  string `json:"password"`
	Privilege string `json:"privilege"` // operator or administrator
}

// The longest name and password (IPMI 2.0 §22.28, §22.30).
const (
	maxName     = 16
	maxPassword = 20
)

// Check finds settings that no BMC can have.
func (s Settings) Check() error {
	switch {
	case s.Address.IsValid() && !s.Address.Addr().Is4():
		return fmt.Errorf("the address %s is not an IPv4 address", s.Address)
	case s.Gateway.IsValid() && !s.Gateway.Is4():
		return fmt.Errorf("the gateway %s is not an IPv4 address", s.Gateway)
	case s.User == "":
		return errors.New("bmc.user is missing: a BMC is set up with an account that has a name")
	case len(s.User) > maxName:
		return fmt.Errorf("bmc.user has %d bytes: IPMI allows %d", len(s.User), maxName)
	case s.Password == "":
		return errors.New("bmc.password is missing")
	case len(s.Password) > maxPassword:
		return fmt.Errorf("the password has %d bytes: IPMI allows %d", len(s.Password), maxPassword)
	}
	return nil
}

// level is the privilege as IPMI counts it (IPMI 2.0 §6.8).
func (s Settings) level() byte {
	if s.Privilege == "administrator" {
		return 4
	}
	return 3
}
