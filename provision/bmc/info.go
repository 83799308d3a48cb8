package bmc

import (
	"net/netip"
	"time"

	"rackhand/inventory"
)

// Info is what a BMC knows of its box and of itself. Unknown fields are "".
type Info struct {
	Maker  string `json:"maker,omitempty"`
	Model  string `json:"model,omitempty"`
	Serial string `json:"serial,omitempty"` // of the box
	SKU    string `json:"sku,omitempty"`    // the maker's order number; Dell: the service tag
	Asset  string `json:"asset,omitempty"`  // the asset tag
	UUID   string `json:"uuid,omitempty"`   // in SMBIOS's order, as firmware sends it in DHCP option 97
	BIOS   string `json:"bios,omitempty"`   // the box's firmware version
	BMC    string `json:"bmc,omitempty"`    // the BMC's firmware version
	Parts  []Part `json:"parts,omitempty"`
}

// A Part is a replaceable part of the box.
type Part struct {
	Name   string `json:"name"`
	Maker  string `json:"maker,omitempty"`
	Model  string `json:"model,omitempty"` // name or part number
	Serial string `json:"serial,omitempty"`
}

// The healths of a sensor or an entry.
const (
	OK       = "ok"
	Warning  = "warning"
	Critical = "critical"
)

// A Sensor is a reading.
type Sensor struct {
	Name   string  `json:"name"`
	Kind   string  `json:"kind"` // temperature, fan, voltage, power, current, other
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`            // C, RPM, V, W, A, %; "" for a state
	State  string  `json:"state,omitempty"` // of a discrete sensor, in words
	Health string  `json:"health"`
}

// A LogEntry is an entry of the BMC's event log (IPMI: SEL, IPMI 2.0 §31 and §32).
type LogEntry struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"` // by the BMC's clock; zero when it had none
	Sensor string    `json:"sensor,omitempty"`
	Text   string    `json:"text"`
	Health string    `json:"health"`
	// Progress is a stage of the boot that the entry reports (IPMI 2.0 table 42-3, sensor
	// types 0Fh and 1Fh): "firmware", "pxe", "disk", "boot-failed"; "" for another one.
	Progress string `json:"progress,omitempty"`
}

// A LogState is how full an event log is.
type LogState struct {
	Entries int  `json:"entries"`
	Percent int  `json:"percent"` // of its room that is used; -1 when unknown
	Full    bool `json:"full"`    // the BMC says that it drops entries, or has no room
}

// A Network is the BMC's own port.
type Network struct {
	MAC     inventory.MAC `json:"mac"`
	DHCP    bool          `json:"dhcp"`
	Address netip.Prefix  `json:"address"`
	Gateway netip.Addr    `json:"gateway"`
	VLAN    int           `json:"vlan,omitempty"`
}

// An Account is a user of the BMC.
type Account struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"` // "" for IPMI's anonymous user
	Privilege Privilege `json:"privilege"`
	Enabled   bool      `json:"enabled"`
	MustReset bool      `json:"must_reset,omitempty"` // the password must be changed first
}
