package catalog

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The headers by which agent and appliance tell each other their versions, on the agents'
// port.
const (
	// HeaderAgent is the version of the agent, on each of its requests.
	HeaderAgent = "Rackhand-Agent"
	// HeaderTrial is set by a program on trial: it isn't the agent of its host yet.
	HeaderTrial = "Rackhand-Trial"
	// HeaderOffer is the agent that the appliance offers: see [Offer].
	HeaderOffer = "Rackhand-Agent-Offer"
	// HeaderRenew is set by the appliance once the certificate is to be renewed.
	HeaderRenew = "Rackhand-Renew"
	// HeaderCA is the SHA-256, in hex, of the file of the CAs that an agent trusts; of the
	// appliance, that of the file that it is to fetch instead.
	HeaderCA = "Rackhand-CA"
)

// A RenewRequest asks for the next certificate, over mutual TLS with the one before, which
// may have expired. The reply is an [EnrolReply].
type RenewRequest struct {
	CSR string `json:"csr"` // PEM; for a new key
}

// MaxAgent bounds the agent's program, in bytes.
const MaxAgent = 64 << 20

// An Offer is an agent program that the appliance offers to a host.
type Offer struct {
	Version string
	SHA256  string // hex
	Size    int64  // bytes
}

// String is an offer as its header has it: VERSION SHA256 SIZE.
func (o Offer) String() string { return fmt.Sprintf("%s %s %d", o.Version, o.SHA256, o.Size) }

// ParseOffer reads the value of the header.
func ParseOffer(text string) (Offer, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return Offer{}, fmt.Errorf("the offer of an agent is VERSION SHA256 SIZE, not %.100q", text)
	}
	o := Offer{Version: fields[0], SHA256: fields[1]}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	switch {
	case !IsVersion(o.Version):
		return Offer{}, fmt.Errorf("the offer of an agent has the version %.80q", o.Version)
	case !IsSHA256(o.SHA256):
		return Offer{}, fmt.Errorf("the offer of an agent has the SHA-256 %.80q", o.SHA256)
	case err != nil || size <= 0 || size > MaxAgent:
		return Offer{}, fmt.Errorf("the offer of an agent has the size %.80q: 1 to %d bytes are taken", fields[2], MaxAgent)
	}
	o.Size = size
	return o, nil
}

var versionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}$`)

// IsVersion reports whether a text can be a version of the agent. It is also a safe file
// name.
func IsVersion(text string) bool { return versionForm.MatchString(text) }
