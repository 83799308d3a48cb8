// Package catalog holds the wire types between the appliance and the agent: the
// catalog, the report, enrolment. It uses the standard library only, since it is
// linked into a program that runs as root on every host.
package catalog

import "time"

// A Catalog is the resolved list of resources for one host, in the order in
// which they are to be converged.
type Catalog struct {
	// Format is 2 where files name their content by its hash ([Format2]). Without it, the
	// content of each file stands in the catalog.
	Format int    `json:"format,omitempty"`
	Host   string `json:"host"`
	Role   string `json:"role"`
	// Version is a hash of the resources: the same catalog has the same version.
	Version   string     `json:"version"`
	Resources []Resource `json:"resources"`
	// Checks run on the host after the resources. Agents that don't know them run none.
	Checks []Check `json:"checks,omitempty"`
	// Maintenance says when changes may restart services; nil: at any time. Agents that
	// don't know it restart at any time.
	Maintenance *Maintenance `json:"maintenance,omitempty"`
	// Raw is the JSON that [Decode] read, with all that this program doesn't know.
	Raw []byte `json:"-"`
}

// A Resource declares one desired state of a host. Exactly one of its kinds, from Package on,
// is set.
type Resource struct {
	ID            string         `json:"id"` // package[nginx], file[/etc/motd], service[nginx]
	Package       *Package       `json:"package,omitempty"`
	File          *File          `json:"file,omitempty"`
	Service       *Service       `json:"service,omitempty"`
	Group         *Group         `json:"group,omitempty"`
	Line          *Line          `json:"line,omitempty"`
	Block         *Block         `json:"block,omitempty"`
	INI           *INI           `json:"ini,omitempty"`
	AuthorizedKey *AuthorizedKey `json:"authorized_key,omitempty"`
	Sudoers       *Sudoers       `json:"sudoers,omitempty"`
	Cron          *Cron          `json:"cron,omitempty"`
	Repository    *Repository    `json:"repository,omitempty"`
	User          *User          `json:"user,omitempty"`
	Exec          *Exec          `json:"exec,omitempty"`
	Timer         *Timer         `json:"timer,omitempty"`
	// HasSecret: a part of it is a secret that doesn't stand here, in format 2: see [SecretOf].
	HasSecret bool `json:"has_secret,omitempty"`
	// Notify lists the ids of resources to refresh when this resource changed: services to
	// restart or reload.
	Notify []string `json:"notify,omitempty"`
	// Require lists the ids that must hold before this one is tried.
	Require []string `json:"require,omitempty"`
	// Source is where it was declared: roles/web.yaml:12:5.
	Source string `json:"source"`
	// Deadline bounds the work on it, in seconds; 0 means the agent's default.
	Deadline int `json:"deadline,omitempty"`
	// OnlyOn lists the occasions on which it is brought about: [FirstBoot]. Without any, it
	// always is.
	OnlyOn []string `json:"only_on,omitempty"`
	// Retry repeats work that failed, within the deadline.
	Retry *Retry `json:"retry,omitempty"`
	// Tags are names by which a run can be limited.
	Tags []string `json:"tags,omitempty"`
	// InWindow: its refresh waits for the maintenance window, as that of a service always does.
	InWindow bool `json:"in_window,omitempty"`
	// Problem says why this program can't bring the resource about: [Decode] found a type,
	// attribute or value in it that it doesn't know. "" for none.
	Problem string `json:"-"`
}

// A Package of the system's package manager.
type Package struct {
	Name   string `json:"name"`
	Ensure string `json:"ensure"` // present, latest, absent, purged, or an exact version
	// Release is that of the sources from which it is installed or upgraded, such as
	// bookworm-backports; "" for the one that the package manager prefers. Of apt alone.
	Release string `json:"release,omitempty"`
	// Hold keeps other tools from changing it (apt-mark(8), dnf's versionlock); nil leaves
	// that as it is.
	Hold *bool `json:"hold,omitempty"`
	// WithDependants lets other packages go, or get an older version, with this change.
	WithDependants bool `json:"with_dependants,omitempty"`
}

// A Service of systemd.
type Service struct {
	Name    string `json:"name"`
	Running *bool  `json:"running,omitempty"`
	Enabled *bool  `json:"enabled,omitempty"`
	// Refresh is what a notification does: restart (default) or reload.
	Refresh string `json:"refresh,omitempty"`
	// Settle is how long it must be healthy after a start before it counts as running,
	// in seconds; 0 means the agent's default.
	Settle int `json:"settle,omitempty"`
	// Masked: it can't be started (systemctl mask). Nil unmasks a service that is to run, or
	// to be enabled.
	Masked *bool `json:"masked,omitempty"`
	// DropIn is the content of UNIT.d/rackhand.conf in /etc/systemd/system; nil leaves that
	// file, and "" removes it.
	DropIn *string `json:"drop_in,omitempty"`
}

// Outcomes of a resource.
const (
	OK      = "ok"      // held already
	Changed = "changed" // was brought about
	Failed  = "failed"
	Skipped = "skipped" // something that it requires failed
	// Unknown: a dry run can't tell before something else is made; a run without the
	// appliance can't look at a file with a secret, and leaves it as it is.
	Unknown = "unknown"
	Pending = "pending" // a restart or reload that waits for the maintenance window
)

// A Result is the result of one resource in a run.
type Result struct {
	ID      string  `json:"id"`
	Status  string  `json:"status"`
	Message string  `json:"message,omitempty"` // what was changed, or why it failed
	Seconds float64 `json:"seconds"`
	// Diff is, in a dry run, a bounded unified diff of a file; never of a sensitive one.
	Diff string `json:"diff,omitempty"`
	// Pending is the restart or reload of a service that waits for the maintenance window,
	// and until when: "restart pending until Sat 5 Dec 02:00 CET".
	Pending string `json:"pending,omitempty"`
	// Cause is why it was changed; "" unless Status is Changed, and from older agents.
	Cause string `json:"cause,omitempty"`
	// OnlyRefreshed says that nothing was changed but that a refresh was due: it held. The
	// agent judges the cause by it, and doesn't report it.
	OnlyRefreshed bool `json:"-"`
}

// A Report is what the agent says after a run.
type Report struct {
	Host     string    `json:"host"`
	Version  string    `json:"version"` // of the catalog
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
	// Status is OK, Changed or Failed: the worst of the results and of the checks.
	Status  string   `json:"status"`
	Results []Result `json:"results"`
	// Checks are the results of the checks on the host, in the catalog's order. There are
	// none in a dry run.
	Checks []CheckResult `json:"checks,omitempty"`
	Error  string        `json:"error,omitempty"` // why the run could not be carried out at all
	// CatalogFetched is set when the appliance could not be asked and the catalog
	// kept on the host was converged instead: when that one was last confirmed.
	CatalogFetched time.Time `json:"catalog_fetched,omitzero"`
	// Dropped is how many reports before this one were never sent: too many waited, or
	// the appliance refused them.
	Dropped int `json:"dropped,omitempty"`
	// CatalogAge is how long before Started that was, in seconds.
	CatalogAge float64 `json:"catalog_age,omitempty"`
	// ClockAhead is how far the host's clock is ahead of the appliance's, in seconds; 0
	// when they agree within 2 s.
	ClockAhead float64 `json:"clock_ahead,omitempty"`
	// Warnings are messages of the agent that belong to no resource.
	Warnings []string `json:"warnings,omitempty"`
	// Tags: the run was limited to resources with one of these tags, and to those that they
	// require. Such a report doesn't describe the state of the host.
	Tags []string `json:"tags,omitempty"`
	// Order is the id of the order that this run carries out.
	Order string `json:"order,omitempty"`
	// Noop: the run was dry, and the results are predictions. Such a report answers an order
	// and doesn't describe the state of the host.
	Noop bool `json:"noop,omitempty"`
	// Disabled: there was no run, since the agent is disabled. Status is Failed then.
	Disabled *Disabled `json:"disabled,omitempty"`
	// Interval is the time between two runs, in seconds; 0 for a single run, and from
	// older agents.
	Interval float64 `json:"interval,omitempty"`
	// Totals count the results, also those that were left out; nil from older agents.
	Totals *Totals `json:"totals,omitempty"`
	// Shortened counts the parts that it lost to fit; nil when it is whole.
	Shortened *Shortened `json:"shortened,omitempty"`
}

// Progress is the agent's message at the beginning of a run.
type Progress struct {
	Version   string `json:"version"`
	Resources int    `json:"resources"`
}

// EnrolRequest asks for a certificate, authorised by the one-time enrolment token.
type EnrolRequest struct {
	Host  string `json:"host"`
	Token string `json:"token"`
	CSR   string `json:"csr"` // PEM
}

// EnrolReply carries the certificate.
type EnrolReply struct {
	Certificate string `json:"certificate"` // PEM
}

// TimeReply tells the appliance's clock.
type TimeReply struct {
	Time time.Time `json:"time"`
}
