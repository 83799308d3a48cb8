package provision

import (
	"fmt"
	"time"
)

// A CertificateStatus is where the certificate of a host's agent stands.
type CertificateStatus struct {
	Expires time.Time `json:"expires"`
	// Revoked is why it counts no more, "" while it does.
	Revoked string `json:"revoked,omitempty"`
	// Due is when the agent is to renew it.
	Due time.Time `json:"due,omitzero"`
}

// expiresSoon is how long before its end a certificate is shown: an agent that talks to the
// appliance renewed it long before.
const expiresSoon = 7 * 24 * time.Hour

// Notes are what people are to see of it at now; none when it is in order.
func (c CertificateStatus) Notes(host string, now time.Time) []string {
	left := c.Expires.Sub(now)
	switch {
	case c.Revoked != "":
		return []string{fmt.Sprintf("its certificate is revoked: `rackhand enrol %s` gives it another", host)}
	case left < 0:
		return []string{fmt.Sprintf("its certificate expired %s ago: its agent renews it once it asks, or `rackhand enrol %s` gives it another", Roughly(-left), host)}
	case left < expiresSoon:
		return []string{fmt.Sprintf("its certificate expires in %s, and its agent has not renewed it", Roughly(left))}
	}
	return nil
}

// An EnrolmentReply is the answer to `rackhand enrol`. The token is kept nowhere.
type EnrolmentReply struct {
	Token   string `json:"token"`
	Minutes int    `json:"minutes"` // how long it is good
}

// Stages of a change of the appliance's CA.
const (
	CAStays    = ""         // there is one CA
	CASpreads  = "spreads"  // agents get the next CA beside the one that signs
	CASwitched = "switched" // the next one signs; hosts get certificates of it
)

// A CAStatus is where a change of the appliance's CA stands.
type CAStatus struct {
	Expires time.Time `json:"expires"`
	Stage   string    `json:"stage"`
	// Waiting are the hosts that keep the next step from being safe: their agents don't trust
	// the next CA yet, or have no certificate of it.
	Waiting []string `json:"waiting,omitempty"`
}

// A CARequest takes a step of such a change: renew begins it, and finish goes on.
type CARequest struct {
	Step  string `json:"step"`
	Force bool   `json:"force"` // whichever hosts are waited for
}
