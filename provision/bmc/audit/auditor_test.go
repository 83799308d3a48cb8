package audit_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	ipmibmc "github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/audit"
	"rackhand/provision/bmc/audit/probe"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/power"
	"rackhand/provision/store"
)

// A site is an inventory with BMCs in memory, and what they answer without a login.
type site struct {
	*audit.Auditor
	targets map[string]bmc.Target
	bmcs    map[netip.Addr]*bmctest.Fake
	answers map[string]string // sockets on loopback, by network and address

	mu     sync.Mutex
	events []provision.Event
}

// newSite makes hosts with faultless BMCs, and one that has none.
func newSite(t *testing.T, bmcs int) *site {
	t.Helper()
	s := &site{targets: map[string]bmc.Target{}, bmcs: map[netip.Addr]*bmctest.Fake{}, answers: map[string]string{}}
	snap := &inventory.Snapshot{Hosts: map[string]*inventory.Host{}}
	for n := range bmcs {
		h := &inventory.Host{Name: "web" + string(rune('a'+n))}
		at := netip.AddrFrom4([4]byte{10, 77, 0, byte(101 + n)})
		s.targets[h.Name] = bmc.Target{Host: h.Name, Address: netip.AddrPortFrom(at, 623), User: "rackhand", Password: "s3cret-for-tests", Protocol: bmc.IPMI}
		s.bmcs[at] = &bmctest.Fake{
			Time: day, Has: bmc.Info{Maker: "Supermicro", Model: "X11", BMC: "1.73"},
			Accounts: []bmc.Account{{ID: "2", Name: "rackhand", Privilege: bmc.Operator, Enabled: true}},
			Admits:   knows("rackhand", "s3cret-for-tests"),
		}
		snap.Hosts[h.Name] = h
	}
	st, err := store.OpenBolt(filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	c := power.New(power.Options{Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: s, bmc.Redfish: s}})
	s.Auditor = &audit.Auditor{
		Gatherer: audit.Gatherer{
			With: c.With, Clock: func() time.Time { return day }, Record: s.record,
			Probe: probe.Prober{Random: rand.Reader, Dial: s.dial},
		},
		Store: st, Snapshot: func() *inventory.Snapshot { return snap },
		Target: func(h *inventory.Host) (bmc.Target, error) {
			if t, ok := s.targets[h.Name]; ok {
				return t, nil
			}
			return bmc.Target{}, bmc.ErrNoBMC
		},
		Busy:      func(string) bool { return false },
		Strangers: func(context.Context) ([]audit.Stranger, error) { return nil, nil },
	}
	return s
}

// knows admits accounts: user, password, and so on.
func knows(accounts ...string) func(bmc.Target) error {
	return func(t bmc.Target) error {
		for i := 0; i < len(accounts); i += 2 {
			if t.User == accounts[i] && t.Password == accounts[i+1] {
				return nil
			}
		}
		return &bmc.Error{Kind: bmc.ErrCredentials}
	}
}

// Open makes the site a driver.
func (s *site) Open(ctx context.Context, t bmc.Target, m *bmc.Memory) (bmc.Session, error) {
	return s.bmcs[t.Address.Addr()].Open(ctx, t, m)
}

// dial leads to the sockets on loopback; elsewhere nothing listens.
func (s *site) dial(ctx context.Context, network, address string) (net.Conn, error) {
	at, ok := s.answers[network+" "+address]
	if !ok {
		return nil, errors.New("connection refused")
	}
	return (&net.Dialer{}).DialContext(ctx, network, at)
}

func (s *site) record(e provision.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	return nil
}

// said are the recorded events as text.
func (s *site) said() string {
	var b strings.Builder
	for _, e := range s.events {
		text, _ := json.Marshal(e)
		b.Write(append(text, '\n'))
	}
	return b.String()
}

func (s *site) of(host string) *bmctest.Fake { return s.bmcs[s.targets[host].Address.Addr()] }

// speaks gives a host's BMC an IPMI that answers without a login.
func (s *site) speaks(t *testing.T, host string, anonymous bool, suites ...types.CipherSuiteID) *bmctest.BMC {
	t.Helper()
	b := bmctest.Serve(t, suites...)
	b.AddUser(t, 3, "rackhand", ipmibmc.PrivilegeLevelOperator)
	if err := b.State.Users.Upsert(1, func(u *ipmibmc.User) error { u.Enabled = anonymous; return nil }); err != nil {
		t.Fatal(err)
	}
	s.answers["udp "+s.targets[host].Address.String()] = b.Target.Address.String()
	return b
}

// at is a target with another port.
func at(t bmc.Target, port uint16) bmc.Target {
	t.Address = netip.AddrPortFrom(t.Address.Addr(), port)
	return t
}

// kinds are the kinds of findings, and the BMCs that have them.
func kinds(a provision.Audit) string {
	var out []string
	for _, f := range a.Findings {
		var names []string
		for _, b := range f.BMCs {
			names = append(names, b.Name())
		}
		out = append(out, f.Kind+": "+strings.Join(names, " "))
	}
	return strings.Join(out, "\n")
}

// TestAudit: what is found out about hosts by sessions and by questions without a login. It
// is kept, recorded, and no session is left open.
func TestAudit(t *testing.T) {
	s := newSite(t, 12)
	s.speaks(t, "weba", false, 3, 17)
	zero := s.speaks(t, "webb", false, 0, 3, 17)
	s.speaks(t, "webc", true, 17)
	s.speaks(t, "webd", false, 1, 2, 3)
	s.of("webd").Fails = map[string]error{"Open": &bmc.Error{Kind: bmc.ErrUnreachable}}
	s.of("webe").Admits = knows()
	s.of("webf").Fails = map[string]error{"Users": &bmc.Error{Kind: bmc.ErrPrivilege}}
	s.of("webg").Accounts[0].Privilege = bmc.Administrator
	s.of("webg").Accounts = append(s.of("webg").Accounts, bmc.Account{ID: "1", Enabled: true})
	s.of("webh").Time = day.Add(-2 * time.Minute)
	s.of("webi").Filled = &bmc.LogState{Entries: 512, Full: true, Percent: 100}
	s.of("webi").Has.BMC = "1.61"
	s.of("webj").Override = bmc.Boot{Device: bmc.PXE, Valid: true, Persistent: true}
	s.of("webk").Fails = map[string]error{"Clock": errors.New(`"N/A" is no time`)}
	delete(s.targets, "webl")
	s.answers["udp 10.77.0.231:623"] = zero.Target.Address.String()
	s.Strangers = func(context.Context) ([]audit.Stranger, error) {
		return []audit.Stranger{
			{Address: netip.MustParseAddr("10.77.0.230"), Found: "leased to 3c:ec:ef:00:00:01"},
			{Address: netip.MustParseAddr("10.77.0.231"), Found: "leased to 3c:ec:ef:00:00:02"},
		}, nil
	}
	if _, ok, err := s.Last(t.Context()); ok || err != nil {
		t.Errorf("an audit before the first: %v", err)
	}
	got, err := s.Audit(t.Context(), provision.AuditRequest{})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "fakes", got)
	if text, err := json.Marshal(got); err != nil || strings.Contains(string(text), "s3cret") {
		t.Errorf("the findings hold a password: %v", err)
	}
	kept, ok, err := s.Last(t.Context())
	if err != nil || !ok || kinds(kept) != kinds(got) {
		t.Errorf("kept: %v, %v\n%s", ok, err, kinds(kept))
	}
	for at, f := range s.bmcs {
		if f.Opened != f.Closed || f.On || len(f.Commands) > 0 {
			t.Errorf("%s: %d sessions were opened and %d closed, it is on: %v, commands %v", at, f.Opened, f.Closed, f.On, f.Commands)
		}
	}
	if did := zero.Board.Actions(); did != "[]" {
		t.Errorf("the board was told: %s", did)
	}
	if said := s.said(); !strings.Contains(said, "an audit of 11 BMCs found:") || strings.Contains(said, "s3cret") {
		t.Errorf("recorded:\n%s", said)
	}
	// One host's audit is not kept: it would hide the others' faults.
	one, err := s.Audit(t.Context(), provision.AuditRequest{Hosts: []string{"webi", "webi"}})
	if err != nil || one.BMCs != 1 || kinds(one) != "log-full: webi" {
		t.Errorf("one: %v\n%s", err, kinds(one))
	}
	if kept, _, _ := s.Last(t.Context()); len(kept.Hosts) > 0 {
		t.Error("the audit of one host replaced that of all")
	}
	if _, err := s.Audit(t.Context(), provision.AuditRequest{Hosts: []string{"nosuch"}}); !errors.Is(err, provision.ErrNoHost) {
		t.Errorf("no such host: %v", err)
	}
}

// TestOneAudit: a second audit is refused while one is under way, and a cancelled one ends.
func TestOneAudit(t *testing.T) {
	s := newSite(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inside := make(chan struct{})
	s.of("weba").Before = func(ctx context.Context, method string) error {
		if method == "Status" {
			close(inside)
			<-ctx.Done()
		}
		return ctx.Err()
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.Audit(ctx, provision.AuditRequest{})
		done <- err
	}()
	<-inside
	if _, err := s.Audit(t.Context(), provision.AuditRequest{}); !errors.Is(err, provision.ErrAuditUnderWay) {
		t.Errorf("the second: %v", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
}
