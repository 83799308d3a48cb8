package provision

import (
	"fmt"
	"net/netip"
)

// The bounds of a search for BMCs.
const (
	ScanRate = 50 // addresses a second
	// maxScan and maxLargeScan are the most addresses, as bits: a /20 and a /16 of IPv4.
	maxScan      = 12
	maxLargeScan = 16
	maxScanRate  = 1000
)

// A ScanRequest asks for a search for BMCs in a network.
type ScanRequest struct {
	Network netip.Prefix `json:"network"`
	Rate    int          `json:"rate,omitempty"`  // addresses a second; 0: ScanRate
	Large   bool         `json:"large,omitempty"` // also more than a /20, at most a /16
}

// Check returns an error for a network that is too large, and for a rate that is.
func (r ScanRequest) Check() error {
	if !r.Network.IsValid() {
		return fmt.Errorf("a network such as 10.77.0.0/24 is wanted")
	}
	bits := r.Network.Addr().BitLen() - r.Network.Bits()
	switch {
	case bits > maxLargeScan:
		return fmt.Errorf("%s has 2^%d addresses: at most 2^%d are searched at once", r.Network, bits, maxLargeScan)
	case bits > maxScan && !r.Large:
		return fmt.Errorf("%s has %d addresses, more than a /20: --large searches it", r.Network, 1<<bits)
	case r.Rate < 0 || r.Rate > maxScanRate:
		return fmt.Errorf("a rate of %d: 1 to %d addresses a second are allowed", r.Rate, maxScanRate)
	}
	return nil
}

// A FoundBMC is a BMC that answered a search, without a login.
type FoundBMC struct {
	Address netip.Addr `json:"address"`
	IPMI    string     `json:"ipmi,omitempty"`    // "2.0", "1.5"; "asf" if it answered the ping alone; "" for none
	Redfish string     `json:"redfish,omitempty"` // its version, 1.6.0; "" for none
	Vendor  string     `json:"vendor,omitempty"`
	Product string     `json:"product,omitempty"`
	// Anonymous: an IPMI login without a name is switched on (IPMI 2.0 §22.13).
	Anonymous bool   `json:"anonymous,omitempty"`
	Host      string `json:"host,omitempty"` // whose BMC it is in the inventory
	Add       string `json:"add,omitempty"`  // the command that adds it, of a BMC that is in no host
}

// A ScanLine is a line of the answer to a search: a BMC, or its end.
type ScanLine struct {
	Found *FoundBMC `json:"found,omitempty"`
	End   bool      `json:"end,omitempty"`
	Error string    `json:"error,omitempty"`
}
