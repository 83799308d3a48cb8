package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Where a check runs.
const (
	FromAppliance = "appliance" // over the network, until the host serves
	FromHost      = "host"      // by the agent, at each run
)

// The bounds of checks.
const (
	MaxChecks     = 100 // of a host
	MaxWithin     = 3600
	MaxCheckTime  = 600 // of one try, in seconds
	MaxText       = 4 << 10
	MaxExpression = 1 << 10
	MaxCA         = 64 << 10
	MaxHeaders    = 20
	MaxStatuses   = 20
	MaxDays       = 3650
	MaxWords      = 100
	MaxUnits      = 1000
)

// A Check says whether a host serves. Exactly one of HTTP, TCP, Exec and Systemd is set.
type Check struct {
	From    string        `json:"from"` // FromAppliance or FromHost
	HTTP    *HTTPCheck    `json:"http,omitempty"`
	TCP     *TCPCheck     `json:"tcp,omitempty"`
	Exec    *ExecCheck    `json:"exec,omitempty"`
	Systemd *SystemdCheck `json:"systemd,omitempty"`
	// Within is how long it may go on failing before that is a failure, in seconds.
	Within int `json:"within"`
	// Deadline bounds one try, in seconds.
	Deadline int    `json:"deadline"`
	Source   string `json:"source"` // roles/web.yaml:20:5
	// Problem says why this program can't run the check: [Decode] found a kind, attribute or
	// value in it that it doesn't know. "" for none.
	Problem string `json:"-"`
}

// A checkKind is what one kind of check brings along.
type checkKind interface {
	validate() error
	// words name the check in messages: GET http://10.77.0.11:80/.
	words() string
	// anywhere: the appliance can run it, too.
	anywhere() bool
}

// kinds are those that are set.
func (c *Check) kinds() (set []checkKind) {
	if c.HTTP != nil {
		set = append(set, c.HTTP)
	}
	if c.TCP != nil {
		set = append(set, c.TCP)
	}
	if c.Exec != nil {
		set = append(set, c.Exec)
	}
	if c.Systemd != nil {
		set = append(set, c.Systemd)
	}
	return set
}

// Words name a check in messages.
func (c *Check) Words() string {
	if set := c.kinds(); len(set) == 1 {
		return set[0].words()
	}
	return "a check of an unknown kind"
}

// Validate says what is wrong with a check.
func (c *Check) Validate() error {
	set := c.kinds()
	if len(set) != 1 {
		return fmt.Errorf("exactly one of http, tcp, exec and systemd must be set, not %d", len(set))
	}
	switch {
	case c.From != FromAppliance && c.From != FromHost:
		return fmt.Errorf("from is %.40q: use appliance or host", c.From)
	case c.From == FromAppliance && !set[0].anywhere():
		return errors.New("it can run on the host only")
	case c.Within < 1 || c.Within > MaxWithin:
		return fmt.Errorf("within is %d seconds: 1 to %d are allowed", c.Within, MaxWithin)
	case c.Deadline < 1 || c.Deadline > MaxCheckTime:
		return fmt.Errorf("a deadline of %d seconds: 1 to %d are allowed", c.Deadline, MaxCheckTime)
	}
	return set[0].validate()
}

// WithChecks is the catalog with the checks that run on the host. Its version names them,
// too.
func (c Catalog) WithChecks(checks []Check) (Catalog, error) {
	if len(checks) == 0 {
		return c, nil
	}
	b, err := json.Marshal(checks)
	if err != nil {
		return c, fmt.Errorf("hashing the catalog: %w", err)
	}
	sum := sha256.Sum256(append([]byte(c.Version), b...))
	c.Checks, c.Version = checks, hex.EncodeToString(sum[:8])
	return c, nil
}

// decodeChecks reads the checks of a catalog. One that can't be read here has a Problem.
func decodeChecks(texts []json.RawMessage) ([]Check, error) {
	if len(texts) > MaxChecks {
		return nil, fmt.Errorf("the catalog has %d checks, at most %d are allowed", len(texts), MaxChecks)
	}
	var checks []Check
	for i, text := range texts {
		var c Check
		err := strictly(text, &c)
		if err == nil {
			err = c.Validate()
		}
		if err == nil && c.From != FromHost {
			err = errors.New("it is for the appliance")
		}
		if err != nil {
			var common struct {
				Source string `json:"source"`
			}
			if wrong := json.Unmarshal(text, &common); wrong != nil {
				return nil, fmt.Errorf("check %d: %w", i+1, wrong)
			}
			c = Check{From: FromHost, Source: cut(common.Source, 200), Problem: cut(strings.TrimPrefix(err.Error(), "json: "), 200)}
		}
		checks = append(checks, c)
	}
	return checks, nil
}

// A CheckResult is the result of one check on the host.
type CheckResult struct {
	Check  string `json:"check"`  // its words
	Source string `json:"source"` // roles/web.yaml:20:5
	Status string `json:"status"` // OK or Failed
	// Message is what the last try saw.
	Message string  `json:"message,omitempty"`
	Seconds float64 `json:"seconds"` // since the first try
}

// Text says why a check fails, and where it stands.
func (r CheckResult) Text() string {
	text := r.Message
	if !strings.HasPrefix(text, r.Check) {
		text = r.Check + ": " + text
	}
	if r.Source != "" {
		text += " (" + r.Source + ")"
	}
	return text
}

// FailedChecks lists the checks of a report that fail.
func (r Report) FailedChecks() (failed []CheckResult) {
	for _, x := range r.Checks {
		if x.Status != OK {
			failed = append(failed, x)
		}
	}
	return failed
}
