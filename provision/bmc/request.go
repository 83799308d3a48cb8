package bmc

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// ErrRequest is the kind of a request that makes no sense, such as a gateway outside of the
// network.
var ErrRequest = errors.New("the request can't be carried out")

// An Overview is the operator's first look at a host's BMC.
type Overview struct {
	Host     string   `json:"host"`
	Address  string   `json:"address"`
	Protocol Protocol `json:"protocol,omitempty"` // the one that was spoken
	Report
}

// A SoftOffRequest asks a system to shut down.
type SoftOffRequest struct {
	// Limit is the time in which the box must be off; 0: five minutes.
	Limit time.Duration `json:"limit,omitempty"`
	Hard  bool          `json:"hard,omitempty"` // then switch the power off
}

// A SoftOffReply says how a box went off.
type SoftOffReply struct {
	Host  string        `json:"host"`
	Power string        `json:"power"` // on, off
	Hard  bool          `json:"hard"`  // the power was switched off
	Took  time.Duration `json:"took"`
}

// A BootRequest sets the boot override.
type BootRequest struct {
	Device     BootDevice `json:"device"`
	Persistent bool       `json:"persistent,omitempty"`
}

// An IdentifyRequest switches the identify lamp.
type IdentifyRequest struct {
	On bool `json:"on"`
}

// A NetworkRequest changes settings of the BMC's own port; nil: stays as it is.
type NetworkRequest struct {
	DHCP    *bool         `json:"dhcp,omitempty"`
	Address *netip.Prefix `json:"address,omitempty"`
	Gateway *netip.Addr   `json:"gateway,omitempty"`
	VLAN    *int          `json:"vlan,omitempty"` // 0: none
}

// On returns the settings with the changes, or why they can't be.
func (r NetworkRequest) On(n Network) (Network, error) {
	if r.DHCP != nil {
		n.DHCP = *r.DHCP
	}
	if r.Address != nil {
		n.Address = *r.Address
		if r.DHCP == nil {
			n.DHCP = false
		}
	}
	if r.Gateway != nil {
		n.Gateway = *r.Gateway
	}
	if r.VLAN != nil {
		n.VLAN = *r.VLAN
	}
	switch {
	case n.VLAN < 0 || n.VLAN > 4094:
		return n, fmt.Errorf("VLAN %d: it is 1 to 4094, or 0 for none", n.VLAN)
	case n.DHCP && r.Address != nil:
		return n, fmt.Errorf("an address and DHCP exclude each other: leave one out")
	case n.DHCP:
		return n, nil
	case !n.Address.IsValid():
		return n, fmt.Errorf("without DHCP the BMC needs an address with its length, such as 10.77.0.111/24")
	case n.Gateway.IsValid() && !n.Gateway.IsUnspecified() && !n.Address.Masked().Contains(n.Gateway):
		return n, fmt.Errorf("the gateway %s does not lie in %s", n.Gateway, n.Address.Masked())
	}
	return n, nil
}

// String shows the settings for people.
func (n Network) String() string {
	text := n.Address.String()
	if !n.Address.IsValid() {
		text = "no address"
	}
	if n.DHCP {
		text += " by DHCP"
	}
	if n.Gateway.IsValid() && !n.Gateway.IsUnspecified() {
		text += ", gateway " + n.Gateway.String()
	}
	if n.VLAN != 0 {
		text += fmt.Sprintf(", VLAN %d", n.VLAN)
	}
	return text
}

// A UserRequest changes an account of the BMC, or makes one.
type UserRequest struct {
	ID        string    `json:"id,omitempty"` // of the slot; "": the one with this name, or a free one
	Name      string    `json:"name"`
	Privilege Privilege `json:"privilege,omitempty"` // "": stays; operator for a new account
	Enabled   *bool     `json:"enabled,omitempty"`   // nil: stays; enabled for a new account
	Password  string    `json:"password,omitempty"`  // "": stays
}

// On returns the account with the changes: the one of those that are there, or a new one.
func (r UserRequest) On(users []Account) (Account, error) {
	a := Account{ID: r.ID, Name: r.Name, Privilege: Operator, Enabled: true}
	found := false
	for _, u := range users {
		if r.ID != "" && u.ID == r.ID || r.ID == "" && u.Name == r.Name {
			a, found = u, true
			break
		}
	}
	if r.Name != "" {
		a.Name = r.Name
	}
	if r.Privilege != "" {
		a.Privilege = r.Privilege
	}
	if r.Enabled != nil {
		a.Enabled = *r.Enabled
	}
	switch {
	case a.Name == "":
		return a, fmt.Errorf("the account needs a name")
	case r.Privilege != "" && r.Privilege != User && r.Privilege != Operator && r.Privilege != Administrator:
		return a, fmt.Errorf("privilege %q: user, operator or administrator is wanted", r.Privilege)
	case !found && r.Password == "":
		return a, fmt.Errorf("there is no user %q: a new one needs a password", a.Name)
	}
	return a, nil
}
