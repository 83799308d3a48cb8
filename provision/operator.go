package provision

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rackhand/config/problem"
)

// Errors about a request of the operator that the operator can mend.
var (
	// ErrNoHost is wrapped by an error about a host that is not in the inventory.
	ErrNoHost = errors.New("no such host in the inventory")
	// ErrNotHeld is wrapped by an error about a host that isn't waiting for a release.
	ErrNotHeld = errors.New("this host waits for no release")
	// ErrServes is wrapped when a job would take a host out of service.
	ErrServes = errors.New("it serves")
	// ErrInvalidRequest is wrapped when a request lacks something, or contradicts itself.
	ErrInvalidRequest = errors.New("not as asked")
	// ErrNotKept is wrapped when the mirror cache keeps nothing at a place.
	ErrNotKept = errors.New("the mirror cache keeps nothing there")
)

// NoHost is the error about a name that isn't a host's. It wraps ErrNoHost, and suggests the
// nearest of the known ones.
func NoHost(name string, known []string) error {
	if hint := problem.DidYouMean(name, known); hint != "" {
		return fmt.Errorf("%s: %w: %s", name, ErrNoHost, hint)
	}
	if len(known) == 0 {
		return fmt.Errorf("%s: %w: it has no hosts yet, and `rackhand claim` adds one", name, ErrNoHost)
	}
	return fmt.Errorf("%s: %w: `rackhand status` lists the hosts", name, ErrNoHost)
}

// An InstallRequest asks for an install of a host.
type InstallRequest struct {
	// Wipe allows the install to erase the host's disks, whatever is on them.
	Wipe bool `json:"wipe"`
	// Power asks that the host is booted from the network, when it has a BMC.
	Power bool `json:"power"`
}

// A JobRequest asks for a rescue, wipe or burn-in of a host.
type JobRequest struct {
	Job   Job   `json:"job"`
	Order Order `json:"order"`
	// Power asks that the host is booted from the network, when it has a BMC.
	Power bool `json:"power"`
	// Serving: the operator knows that the host serves.
	Serving bool `json:"serving,omitempty"`
	// Yes: a wipe is really meant.
	Yes bool `json:"yes,omitempty"`
}

// A JobReply is a host's latest job, with what it found when it has told.
type JobReply struct {
	Job    Install         `json:"job"`
	Report json.RawMessage `json:"report,omitempty"`
}

// A PowerReply is the power state that a BMC reports: on, off or unknown.
type PowerReply struct {
	Seen string `json:"seen"`
}

// A Status is the whole picture: what the page and `rackhand status` show.
type Status struct {
	Hosts    []HostStatus `json:"hosts"`
	Problems []string     `json:"problems,omitempty"` // of the inventory and of links, as text laid out already
	// Links are what several hosts have in common that stopped at the same place.
	Links    []LinkStuck   `json:"links,omitempty"`
	Seq      uint64        `json:"seq"` // of the latest event
	Database DatabaseStats `json:"database"`
	// CAExpires is when the certificate of the appliance's own CA expires.
	CAExpires time.Time `json:"ca_expires,omitzero"`
}

// DatabaseStats are the sizes of the database and how much of it was pruned.
type DatabaseStats struct {
	Bytes  int64 `json:"bytes"`  // of the file
	Free   int64 `json:"free"`   // of these, room that nothing uses
	Events int   `json:"events"` // that are kept
	Size   int64 `json:"size"`   // bytes that they take, about
	// Pruned is how many events were forgotten since the appliance started, and Shrank how
	// often the file was.
	Pruned int `json:"pruned"`
	Shrank int `json:"shrank"`
}

// String is one line for a person.
func (s DatabaseStats) String() string {
	text := fmt.Sprintf("%.1f MiB, %d events", float64(s.Bytes)/(1<<20), s.Events)
	if s.Pruned > 0 {
		text += fmt.Sprintf("; %d were pruned since the appliance started", s.Pruned)
	}
	return text
}

// A Prefetched says what was fetched ahead for the hosts of a system.
type Prefetched struct {
	Hosts    int      `json:"hosts"`
	Named    []string `json:"named"`    // the packages that their Kickstarts and roles name
	Packages int      `json:"packages"` // these and what they depend on, beyond the image's
	Fetched  int      `json:"fetched"`  // files that weren't in the cache
	Bytes    int64    `json:"bytes"`    // and their size
	Missing  []string `json:"missing,omitempty"`
}

// A MirrorFile is a file that the mirror cache keeps.
type MirrorFile struct {
	Path     string    `json:"path"` // NAME/PATH, in a URL's encoding
	Size     int64     `json:"size"` // bytes
	Stored   time.Time `json:"stored"`
	Used     time.Time `json:"used"` // to the hour
	SHA256   string    `json:"sha256,omitempty"`
	Outdated bool      `json:"outdated,omitempty"` // the archive's index names another file by that name
}

// A MirrorForgotten says what was removed from the mirror cache.
type MirrorForgotten struct {
	Place    string `json:"-"` // NAME/PATH, in a URL's encoding
	Files    int    `json:"files"`
	Bytes    int64  `json:"bytes"`
	UnderWay int    `json:"under_way"` // downloads that go on, and aren't kept
}
