package bmc

import (
	"strings"

	"rackhand/inventory"
)

// A QuirkReport says which quirks of a host's BMC are in force, and why.
type QuirkReport struct {
	Host string `json:"host"`
	// The BMC as it names itself; "" while it was not asked, so shipped quirks are unknown.
	Protocol Protocol       `json:"protocol,omitempty"`
	Vendor   string         `json:"vendor,omitempty"`
	Model    string         `json:"model,omitempty"`
	Firmware string         `json:"firmware,omitempty"`
	Quirks   []AppliedQuirk `json:"quirks"`
}

// QuirksOf says which quirks are in force for the BMC of a host, of which m is remembered.
func QuirksOf(s *inventory.Snapshot, h *inventory.Host, m Memory) QuirkReport {
	r := QuirkReport{Host: h.Name, Protocol: m.Protocol, Vendor: m.Vendor, Model: m.Model, Firmware: m.Firmware, Quirks: []AppliedQuirk{}}
	if h.BMC == nil {
		return r
	}
	at := func(setting string) string {
		origins, err := inventory.Explain(s, h.Name, setting)
		if err != nil || len(origins) == 0 {
			return ""
		}
		return origins[0].At
	}
	_, applied := Apply(m, OfInventory(m, h.BMC.Vendors, h.BMC.Quirks, at))
	r.Quirks = append(r.Quirks, applied...)
	return r
}

// Named is the BMC in words: vendor, model and firmware; "" when it was not asked.
func (r QuirkReport) Named() string {
	return strings.Join(strings.Fields(r.Vendor+" "+r.Model+" "+r.Firmware), " ")
}
