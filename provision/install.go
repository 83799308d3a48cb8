package provision

import (
	"slices"
	"time"
)

// An Install is one journey of a host from requested to serving.
//
// Its times are counted times: they move only while the appliance runs, and never jump with
// the machine's clock. So silence, budgets and expiry fail no box for a fault of the
// appliance. Shown turns them into times of day.
type Install struct {
	ID     string `json:"id"`
	Host   string `json:"host"`
	System string `json:"system"`
	// Job is the kind of job, NoJob for an install. Order has the job's details.
	Job   Job   `json:"job,omitempty"`
	Order Order `json:"order,omitzero"`
	// Armed: the box may get the installer. Cleared when the system is installed, the
	// install ends, its attempts are spent or Expires has passed.
	Armed    bool      `json:"armed"`
	Wipe     bool      `json:"wipe"`           // disks that carry data may be wiped
	MACs     []string  `json:"macs,omitempty"` // of the host when it was armed: see MayWipe
	Attempts int       `json:"attempts"`
	Budget   Budget    `json:"budget"`
	Expires  time.Time `json:"expires"` // of the arming

	Stage     Stage     `json:"stage"`
	Reason    string    `json:"reason,omitempty"` // why it failed or was cancelled
	Requested time.Time `json:"requested"`
	PoweredOn time.Time `json:"powered_on,omitzero"` // the clock starts here
	Ended     time.Time `json:"ended,omitzero"`

	// Token is the SHA-256 (hex) of the one-time token in the latest script, and Enrol that
	// of the agent's enrolment token in the answer file. The tokens themselves are not
	// stored.
	Token      string `json:"token,omitempty"`
	TokenSpent bool   `json:"token_spent,omitempty"` // the installer has its answer file
	Enrol      string `json:"enrol,omitempty"`
	// EnrolKey is the SHA-256 (hex) of the public key that the enrolment token was used
	// with. An agent whose answer was lost asks again with the same key; another key is
	// refused.
	EnrolKey string `json:"enrol_key,omitempty"`

	// Offers are the hashes of the unused tokens in scripts that were sent by TFTP, the
	// latest last: see Offer.
	Offers []string `json:"offers,omitempty"`
	// From are the addresses from which this attempt's token was taken over TCP, each
	// leased to the host then: see Proved.
	From []string `json:"from,omitempty"`
	// First: no install of this box was begun before this one was armed: see NeverCame.
	First bool `json:"first,omitempty"`
	// Booted is when the box last got its address to boot for this install, before the
	// install expired.
	Booted time.Time `json:"booted,omitzero"`
	// Secrets are the names of the secrets in the answer files that were sent. Their values
	// are masked in everything that the box reports.
	Secrets []string `json:"secrets,omitempty"`

	// Power is the state of powering the box on.
	Power PowerPlan `json:"power,omitempty"`
	// DiskSet: the next boot was set to disk after the installer was done, or there is no
	// BMC to set it.
	DiskSet bool `json:"disk_set,omitempty"`
	// Late: the time budget has passed, and the operator was told.
	Late bool `json:"late,omitempty"`
	// Told are the rules of package why, from the second attempt on with the attempt, that
	// have an event `stuck` of this install.
	Told []string `json:"told,omitempty"`
	// HeardSinceInstalled: the box was heard after its installer was done, so it has
	// rebooted. It may have failed since.
	HeardSinceInstalled bool `json:"stirred,omitempty"`
	// Revived: the box did not come up after its installer was done, and was power
	// cycled, or the operator was told.
	Revived bool `json:"revived,omitempty"`
	// CheckFailed: the role's checks did not pass in their time, and the operator
	// was told. They are tried on.
	CheckFailed bool `json:"check_failed,omitempty"`
	// Events and Bytes count what the installer reported in this install, to bound it.
	Events int `json:"events,omitempty"`
	Bytes  int `json:"bytes,omitempty"`

	// Held is the box that waits until the operator releases an attempt, or nil. Released
	// is the attempt that was released last.
	Held     *Held `json:"held,omitempty"`
	Released int   `json:"released,omitempty"`

	// Cards are the MACs of the box that its installer sent when it fetched its answer file.
	// A bond of the installed system may have any of them.
	Cards []string `json:"cards,omitempty"`

	// Blank are the ids of the disks that the installer's guard found blank in this
	// install. Data that a later attempt finds on them is from this install.
	Blank []string `json:"blank,omitempty"`
	// InstallerHeard is when its installer was heard last, by a report or its syslog, in
	// counted time.
	InstallerHeard time.Time `json:"spoke,omitzero"`
	// InstallerHeardWall is the same by the machine's clock.
	InstallerHeardWall time.Time `json:"spoke_wall,omitzero"`
	// Packed, GaveUp: in this attempt the installer has said that its packages are
	// through, and that it has failed. Unheard: the appliance was restarted since its
	// installer was heard last, and can't know what it has missed. See MayBeFinished.
	Packed  bool `json:"packed,omitempty"`
	GaveUp  bool `json:"gave_up,omitempty"`
	Unheard bool `json:"unheard,omitempty"`
	// Doubt is why the box may be installed already, once the operator was asked whether
	// to reinstall it. The box gets no installer until the operator has answered.
	Doubt string `json:"doubt,omitempty"`

	// Written: an attempt has come so far that the old content of the disks is gone.
	Written bool `json:"written,omitempty"`

	// Erased: a wipe of the host's disks has begun since, whatever jobs came after it.
	Erased bool `json:"erased,omitempty"`

	// Offset is how far the machine's clock was ahead of counted time at the latest event.
	Offset time.Duration `json:"offset,omitempty"`
	// Heard is the time of its latest event.
	Heard time.Time `json:"heard,omitzero"`
	// Reached is when each stage was first reached, in this attempt.
	Reached map[Stage]time.Time `json:"reached"`
	// Progress is the installer's last word within a stage: "412 of 980 MB".
	Progress string `json:"progress,omitempty"`
}

// MayWipe reports whether disks that carry data may be wiped in the box with this MAC.
// The operator allowed it for a certain box. If the inventory has given the host's name to
// another box since, it doesn't apply to that one.
func (in Install) MayWipe(mac string) bool {
	return in.Wipe && (len(in.MACs) == 0 || slices.Contains(in.MACs, mac))
}

// A PowerPlan is the state of the power-on of an install.
type PowerPlan string

// The plans. PowerManual: someone presses the button, or did.
const (
	PowerManual PowerPlan = ""
	PowerWanted PowerPlan = "wanted"
	PowerDone   PowerPlan = "done"
	PowerFailed PowerPlan = "failed"
)

// A Budget bounds an install.
type Budget struct {
	Attempts int           `json:"attempts"` // how often the box may get the installer
	Time     time.Duration `json:"time"`     // from power-on to serving
}

// A HostStatus describes one host to the operator. It is computed from the inventory, the
// journal and the leases.
type HostStatus struct {
	Host      string   `json:"host"` // name, or the MAC of an unclaimed box
	Unclaimed bool     `json:"unclaimed,omitempty"`
	MACs      []string `json:"macs"`
	Address   string   `json:"address,omitempty"`
	Group     string   `json:"group,omitempty"`
	Role      string   `json:"role,omitempty"` // Roles as one text: "base, web"
	Roles     []string `json:"roles,omitempty"`
	System    string   `json:"system,omitempty"`
	Rack      string   `json:"rack,omitempty"`  // "r1 unit 12"
	BMC       string   `json:"bmc,omitempty"`   // its address
	Power     string   `json:"power,omitempty"` // on, off, unknown: as last seen
	// BMCState is what its BMC said when it was polled; nil: it isn't polled.
	BMCState *BMCState `json:"bmc_state,omitempty"`
	Maker    string    `json:"maker,omitempty"` // as an unclaimed box reports it
	// ProbablyBMC is the kind of BMC that an unclaimed box probably is: "Dell iDRAC"; "" for
	// none.
	ProbablyBMC string `json:"probably_bmc,omitempty"`
	// SwitchPort is where its cable ends, as the relay agent's option 82 says; "" unknown.
	SwitchPort string    `json:"switch_port,omitempty"`
	LastSeen   time.Time `json:"last_seen,omitzero"`
	Install    *Install  `json:"install,omitempty"` // the latest one
	// Job is the latest rescue, wipe or burn-in, under way or ended.
	Job *Install `json:"job,omitempty"`
	// Stuck says why its install or job makes no progress, or why it failed; nil: nothing is
	// wrong.
	Stuck *Stuck `json:"stuck,omitempty"`
	// Place is the stage that the box is in by what it did last, if it is not that of the
	// install: it has booted again in the middle of it.
	Place Stage `json:"place,omitempty"`
	// Last is the latest event of this host.
	Last *Event `json:"last,omitempty"`
	// Agent is the state of its agent by its latest report; nil: nothing to report.
	Agent *AgentState `json:"agent,omitempty"`
	// AgentVersion is the version of the agent that asked for its catalog last; "" when it
	// stated none.
	AgentVersion string `json:"agent_version,omitempty"`
	// Certificate is where its certificate stands; nil: it has none.
	Certificate *CertificateStatus `json:"certificate,omitempty"`
	// Run is that report in brief; nil: the agent of this system has sent none.
	Run *LastRun `json:"run,omitempty"`
}

// AddCommand takes an unclaimed box into the inventory: as a host, or as the BMC of one.
func (h HostStatus) AddCommand() string {
	if h.ProbablyBMC != "" {
		return "rackhand bmc add HOST --mac " + h.Host
	}
	return "rackhand claim " + h.Host + " NAME --group GROUP"
}

// A Lease is an address given to a MAC.
type Lease struct {
	MAC     string    `json:"mac"`
	Address string    `json:"address"`
	Host    string    `json:"host,omitempty"` // inventory name, "" for an unclaimed box
	Since   time.Time `json:"since"`
	Expires time.Time `json:"expires"`
	// Booted is the counted time of the latest REQUEST by a program that boots from the
	// network: firmware, iPXE. A REQUEST of an installer or a system doesn't change it.
	Booted time.Time `json:"booted,omitzero"`
	// Ran: a program that doesn't boot from the network has asked for this MAC's address, as an
	// installed system does.
	Ran      bool   `json:"ran,omitempty"`
	HostName string `json:"host_name,omitempty"` // what the client calls itself
	Vendor   string `json:"vendor,omitempty"`    // option 60, as text
	UUID     string `json:"uuid,omitempty"`      // option 97
	// Relay is the agent that the client asked through (RFC 3046); nil on our own link.
	Relay *Relay `json:"relay,omitempty"`
	// Server is the DHCP server that gave the address, on a network where we are a
	// proxy. Then the lease is the one that the client was heard to ask that server for.
	// Empty for a lease of our own.
	Server string `json:"server,omitempty"`
}

// Place is the port where a client's cable ends, and the switch, as far as they are known.
func (r Relay) Place() string {
	switch {
	case r.Circuit != "" && r.Remote != "":
		return r.Circuit + " on " + r.Remote
	case r.Remote != "":
		return "on " + r.Remote
	}
	return r.Circuit
}

// A Relay is a client's place in the network, as a DHCP relay agent reported it.
type Relay struct {
	Address string `json:"address"`           // giaddr
	Circuit string `json:"circuit,omitempty"` // option 82.1, printable or hex
	Remote  string `json:"remote,omitempty"`  // option 82.2
}

// Public is an install or job without the hashes of its tokens and the names of its
// secrets.
func (in Install) Public() Install {
	in.Token, in.Enrol, in.EnrolKey, in.Offers, in.Secrets = "", "", "", nil, nil
	return in
}

// Furthest is how far an install or job came: its stage, or for one that failed or was
// cancelled the last stage that it reached; "" if it reached none.
func (in Install) Furthest() (stage Stage) {
	if in.Stage.Rank() >= 0 {
		stage = in.Stage
	}
	for s := range in.Reached {
		if s.Rank() > stage.Rank() {
			stage = s
		}
	}
	return stage
}
