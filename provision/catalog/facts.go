package catalog

import (
	"crypto/sha256"
	"encoding/hex"
)

const (
	// FactsPath is where an agent puts the facts of its host: a JSON object of at most MaxFacts
	// bytes. The host is that of the certificate.
	FactsPath = "/v1/facts"
	MaxFacts  = 64 << 10
	// HeaderFacts is, in a request for the catalog, the SHA-256 of the facts that the agent has
	// now. FactsWanted is the appliance's answer when it has others, or none. Agents and
	// appliances from before don't send it.
	HeaderFacts = "Rackhand-Facts"
	FactsWanted = "wanted"
)

// FactsSum is the SHA-256 of facts as they are sent, in hex.
func FactsSum(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
