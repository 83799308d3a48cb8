// Package appliance builds the parts of the appliance, connects them, and starts and
// stops them.
package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"rackhand/bootfiles"
	"rackhand/config"
	"rackhand/config/file"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/agentfile"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/audit"
	"rackhand/provision/bmc/console"
	"rackhand/provision/bmc/ipmi"
	"rackhand/provision/bmc/poll"
	"rackhand/provision/bmc/redfish"
	"rackhand/provision/catalogs"
	"rackhand/provision/content"
	"rackhand/provision/gate"
	"rackhand/provision/handout"
	"rackhand/provision/hostfacts"
	"rackhand/provision/installlog"
	"rackhand/provision/journal"
	"rackhand/provision/links"
	"rackhand/provision/metrics"
	"rackhand/provision/mirror"
	"rackhand/provision/neighbour"
	"rackhand/provision/notify"
	"rackhand/provision/operate"
	"rackhand/provision/orders"
	"rackhand/provision/pki"
	"rackhand/provision/power"
	"rackhand/provision/preview"
	"rackhand/provision/reports"
	"rackhand/provision/retention"
	"rackhand/provision/state"
	"rackhand/provision/store"
	"rackhand/provision/trace"
	"rackhand/provision/web"
	"rackhand/provision/web/page"
	"rackhand/templates"
)

// Deps are what an appliance needs besides its settings.
type Deps struct {
	Clock func() time.Time
	// Elapsed is monotonic time, which a step of the machine's clock doesn't change; nil:
	// Clock's own monotonic reading.
	Elapsed func() time.Duration
	Random  io.Reader
	Log     *slog.Logger
	// Settings is the path of rackhand.yaml, for backups; "": none can be made.
	Settings string
	// Version is the version of this rackhand and of the agent that it carries.
	Version string
	// Manager is the service manager that is told how the appliance is; nil: none.
	Manager *notify.Manager
	// Traced gets the bytes of memory that the traces take, now and then; may be nil.
	Traced func(bytes int)
	// May has the operator's permissions for a state folder that isn't as it was left.
	May state.May
}

// An Appliance holds the connected parts.
type Appliance struct {
	Deps
	cfg      *config.Config
	store    store.Store
	journal  *journal.Journal
	flood    *provision.Flood
	traces   *trace.Recorder
	keeper   *retention.Keeper
	reports  *reports.Archive
	facts    *hostfacts.Archive
	holder   *inventory.Holder
	watcher  *inventory.Watcher
	power    *power.Controller
	poller   *poll.Poller
	consoles *console.Hub
	audits   *audit.Auditor
	secrets  config.Secrets
	set      *templates.Set
	files    *bootfiles.Files
	web      *web.Server
	page     *page.Handler
	mirror   *mirror.Cache
	urls     templates.Appliance
	logs     *installlog.Store
	links    []links.Link
	gate     *gate.Gate
	supply   *preview.Supplies
	lacking  preview.Lacking
	metrics  *metrics.Metrics
	agents   agentfile.ByProcessor
	ca       *pki.Authority

	handout  *handout.Maker
	operator *operate.Operator
	orders   *orders.Keeper

	contents *content.Store
	catalogs *catalogs.Catalogs
	roles    atomic.Pointer[preview.Roles] // of the inventory in force
	// For the watcher only: the roles of the inventory that was loaded last, and the problems
	// of roles that an event has reported.
	loadedRoles   *preview.Roles
	rolesReported inventory.Problems
}

// Run runs an appliance until ctx ends. A SIGHUP arrives as a value on reload.
func Run(ctx context.Context, cfg *config.Config, d Deps, reload <-chan struct{}) error {
	a, err := build(ctx, cfg, d)
	if err != nil {
		return err
	}
	defer a.store.Close()
	err = a.run(ctx, reload)
	if errors.Is(err, store.ErrLost) {
		err = state.Rescue(a.store, err)
	}
	return err
}

func build(ctx context.Context, cfg *config.Config, d Deps) (*Appliance, error) {
	if _, err := cfg.SocketGID(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.State, 0o700); err != nil {
		return nil, fmt.Errorf("the state folder: %w; `state:` in rackhand.yaml names it", err)
	}
	if err := file.Guarded(cfg.State); err != nil {
		return nil, fmt.Errorf("the state folder: %w", err)
	}
	on, err := waitForLinks(ctx, cfg, d.Manager, d.Log)
	if err != nil {
		return nil, err
	}
	st, err := state.Open(ctx, cfg.State, []string{goodName}, d.May, d.Clock())
	if err != nil {
		return nil, err
	}
	a, err := assemble(ctx, cfg, on, d, st)
	if err != nil {
		st.Close()
		return nil, err
	}
	return a, nil
}

func assemble(ctx context.Context, cfg *config.Config, on []links.Link, d Deps, st store.Store) (*Appliance, error) {
	a := &Appliance{Deps: d, cfg: cfg, links: on, store: st, secrets: cfg.SecretSources(os.LookupEnv), files: bootFiles(cfg)}
	a.urls = a.applianceAt(cfg.Address)
	a.logs = installlog.New(filepath.Join(cfg.State, "logs"))
	a.set = templates.New(filepath.Join(cfg.Inventory, "templates"))
	a.handout = newHandout(cfg, a.set, a.secrets.Get, d.Random)
	a.traces = a.newTraces()
	a.metrics = a.newMetrics()
	a.power = power.New(power.Options{
		Log: d.Log, Trace: a.observe, Store: st,
		Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: ipmi.Driver{Log: d.Log}, bmc.Redfish: redfish.Driver{Log: d.Log}},
	})
	var err error
	if a.journal, err = journal.Open(ctx, st, d.Clock, d.Elapsed, d.Log); err != nil {
		return nil, err
	}
	a.flood = provision.NewFlood(a.journal.Counted)
	a.reports = reports.New(reports.Options{Store: st, Clock: d.Clock, Counted: a.journal.Counted, Keep: cfg.Keep, Log: d.Log})
	if err := a.reports.Load(ctx); err != nil {
		return nil, err
	}
	a.facts = hostfacts.New(hostfacts.Options{Store: st, Clock: d.Clock, Counted: a.journal.Counted, Log: d.Log})
	if err := a.facts.Load(ctx); err != nil {
		return nil, err
	}
	a.keeper = retention.New(retention.Options{
		Journal: a.journal, Store: st, Keep: cfg.Keep, Log: d.Log, RetainLogs: a.logs.Retain, TrimReports: a.reports.Trim,
		Known: a.knows, Loaded: func() bool { return a.holder != nil && a.holder.Current() != nil },
	})
	authority, err := pki.Open(filepath.Join(cfg.State, "ca"), cfg.Address, st, d.Random, d.Clock, a.addresses()...)
	if errors.Is(err, pki.ErrUnusable) {
		err = state.Ask(err)
	}
	if err != nil {
		return nil, err
	}
	if err := state.Bind(ctx, st, authority.CA()); err != nil {
		return nil, err
	}
	authority.Counted = a.journal.Counted
	a.ca, a.agents = authority, a.loadAgents()
	a.supply = a.supplies()
	if err := a.openContents(); err != nil {
		return nil, err
	}
	if err := a.loadInventory(); err != nil {
		return nil, err
	}
	a.gate = a.newGate()
	a.mirror, err = mirror.New(mirror.Options{
		Dir: filepath.Join(cfg.State, "mirror"), Upstreams: cfg.Mirror.Upstreams, Via: cfg.Mirror.Via,
		MaxBytes: cfg.Mirror.Size, Redirects: cfg.Mirror.Redirects, Offline: cfg.Mirror.Offline,
		Clock: d.Clock, Log: d.Log, Record: a.journal,
	})
	if err != nil {
		return nil, err
	}
	if a.page, err = page.New(page.Options{Source: source{a}, Known: a.isOperator, Log: d.Log, Clock: d.Clock, Note: func() string { return "Database: " + a.keeper.Stats().String() }}); err != nil {
		return nil, err
	}
	if a.orders, err = orders.Open(ctx, orders.Options{Store: st, Counted: a.journal.Counted, Clock: d.Clock, Random: d.Random}); err != nil {
		return nil, err
	}
	a.poller = a.newPoller()
	a.consoles = a.newConsoles()
	a.audits = a.newAuditor()
	a.operator = a.newOperator()
	a.web = web.New(web.Options{
		Journal: a.journal, Store: st, Reports: a.reports, Facts: a.facts, Authority: authority, Snapshot: a.holder.Current, Leased: a.leased,
		Leaseholder: a.leaseholder, Lease: a.lease, Began: a.journal.Counted(), Neighbour: neighbour.Ask, At: a.applianceAt,
		Decide: a.decide, Catalogs: a, Operator: a.operator, Handout: a.handout,
		Files: a.files, Mirror: a.mirror, Logs: a.logs,
		Page: a.page, Appliance: a.urls, Random: d.Random, Clock: d.Clock, Log: d.Log,
		Flood: a.flood, Trace: a.observe, Traces: a.traces, Limits: cfg.Limits, Programs: a.agents, Agent: cfg.Agent, Orders: a.orders,
		Bind:   func(ctx context.Context, ca []byte) error { return state.Bind(ctx, st, ca) },
		Backup: a.backup(),
	})
	return a, nil
}

// knows reports whether the inventory has a host.
func (a *Appliance) knows(host string) bool {
	snap := a.holder.Current()
	return snap != nil && snap.Hosts[host] != nil
}

// mtuOf is the `mtu:` of the network that an address belongs to; 0 when none is given.
func (a *Appliance) mtuOf(addr netip.Addr) int {
	snap := a.holder.Current()
	if snap == nil {
		return 0
	}
	if n := snap.NetworkOf(addr); n != nil {
		return n.MTU
	}
	return 0
}
