package converge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/upgrade"
)

// agents is what a fake appliance does about versions of the agent.
type agents struct {
	offer   string // the value of the header; "": no offer
	program []byte
	heard   []string // versions that asked for the catalog, trials with a "?"
}

func (a *agents) put(version string, program []byte) catalog.Offer {
	sum := sha256.Sum256(program)
	o := catalog.Offer{Version: version, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(program))}
	a.offer, a.program = o.String(), program
	return o
}

// serve answers what it alone knows of.
func (a *agents) serve(app *appliance, w http.ResponseWriter, r *http.Request) bool {
	if !app.known(r) {
		if a.offer != "" { // as someone else might
			w.Header().Set(catalog.HeaderOffer, a.offer)
		}
		return false
	}
	if strings.HasPrefix(r.URL.Path, "/v1/agent/") {
		if !strings.Contains(a.offer, filepath.Base(r.URL.Path)) {
			http.NotFound(w, r)
		} else {
			w.Write(a.program)
		}
		return true
	}
	if version := r.Header.Get(catalog.HeaderAgent); r.URL.Path == catalogPath && version != "" {
		if r.Header.Get(catalog.HeaderTrial) != "" {
			version += "?"
		}
		a.heard = append(a.heard, version)
		if a.offer != "" && !strings.HasPrefix(a.offer, version+" ") {
			w.Header().Set(catalog.HeaderOffer, a.offer)
		}
	}
	return false
}

// with gives the host's agent a version, a program on disk, and an Upgrader whose trial does
// as trial says.
func (r *testHost) with(version, program string, trial upgrade.Trial) {
	r.t.Helper()
	r.Version = version
	path := filepath.Join(r.dir, "sbin", "rackhand-agent")
	if program != "" {
		r.write("sbin/rackhand-agent", program)
	}
	r.Upgrade = &upgrade.Upgrader{
		Program: upgrade.Program{Path: path}, Record: r.root.In("/var/lib/rackhand-agent/upgrade.json"), Log: r.Log, Trial: trial,
		Control: func(ctx context.Context) error { return r.Trial(ctx, false) },
	}
	if err := r.Upgrade.Open(); err != nil {
		r.t.Fatal(err)
	}
}

// TestUpgrade: what is offered is fetched over the run's one connection, tried, and takes
// the program's place; what fails its trial is reported, and isn't taken again.
func TestUpgrade(t *testing.T) {
	r := newTestHost(t)
	tried := 0
	fails := errors.New("it crashed")
	trial := func(context.Context, string) error { tried++; return fails }
	r.with("v1", "program one", trial)
	refused := r.app.agents.put("v2", []byte("program two"))
	round := func(replaced bool) {
		t.Helper()
		r.once(map[bool]string{true: catalog.Changed, false: catalog.OK}[r.app.calls["/v1/report"] == 0])
		if got := r.tryUpgrade(t.Context()); got != replaced {
			t.Errorf("replaced: %t, want %t\n%s", got, replaced, r.out)
		}
	}
	round(false)
	round(false)
	r.restart()
	r.with("v1", "", trial)
	round(false)
	round(false)
	if tried != 1 || r.app.calls["/v1/agent/"+refused.SHA256] != 1 || r.exists("sbin/rackhand-agent.next") {
		t.Errorf("a program that failed was tried %d times: %v", tried, r.app.calls)
	}
	last := r.app.reports[len(r.app.reports)-1]
	if len(last.Warnings) != 1 || !strings.Contains(last.Warnings[0], "version v2 of the agent is refused: it crashed") {
		t.Errorf("reported: %q", last.Warnings)
	}
	if want := []string{"v1", "v1?", "v1", "v1", "v1"}; !slices.Equal(r.app.agents.heard, want) {
		t.Errorf("heard %q, want %q", r.app.agents.heard, want)
	}

	fails = nil
	r.app.agents.put("v3", []byte("program three"))
	round(true)
	if r.read("sbin/rackhand-agent") != "program three" || r.read("sbin/rackhand-agent.previous") != "program one" || r.exists("sbin/rackhand-agent.next") {
		t.Errorf("it was not replaced: %q", r.read("sbin/rackhand-agent"))
	}
	r.restart()
	r.with("v3", "", trial)
	round(false)
	if last := r.app.reports[len(r.app.reports)-1]; tried != 2 || len(last.Warnings) > 0 {
		t.Errorf("tried %d times, then reported %q", tried, last.Warnings)
	}
}

// TestUpgradeWithoutCatalog: an agent that gets no catalog that it can use is upgraded all the
// same; an offer that doesn't come over mutual TLS is none.
func TestUpgradeWithoutCatalog(t *testing.T) {
	for _, broken := range []func(a *appliance){
		func(a *appliance) { a.fail[catalogPath] = http.StatusServiceUnavailable },
		func(a *appliance) { a.catalog.Host = "web2" },
	} {
		r := newTestHost(t)
		r.with("v1", "one", nil)
		r.app.agents.put("v2", []byte("two"))
		broken(r.app)
		if _, err := r.Once(t.Context(), false); err == nil || !r.Upgrade.Staged() {
			t.Errorf("%v, staged %t\n%s", err, r.Upgrade.Staged(), r.out)
		}
	}
	r := newTestHost(t)
	r.with("v1", "one", nil)
	r.app.agents.put("v2", []byte("two"))
	r.app.fail["/v1/enrol"] = http.StatusForbidden
	if _, err := r.Once(t.Context(), false); err == nil || r.Upgrade.Staged() || r.exists("sbin/rackhand-agent.next") {
		t.Errorf("%v, staged %t\n%s", err, r.Upgrade.Staged(), r.out)
	}
}

// TestUpgradeUndecided: an appliance that is away during a trial, or has no usable catalog
// for either program, says nothing against the new one.
func TestUpgradeUndecided(t *testing.T) {
	for _, away := range []bool{true, false} {
		r := newTestHost(t)
		r.with("v1", "one", func(context.Context, string) error {
			if r.app.catalog.Host = "web2"; away {
				r.app.fail[catalogPath] = http.StatusServiceUnavailable
			}
			return errors.New("no catalog")
		})
		r.Sleep = func(ctx context.Context, d time.Duration) error {
			if r.pauses++; r.pauses > 30 {
				return context.DeadlineExceeded
			}
			return nil
		}
		r.app.agents.put("v2", []byte("two"))
		r.once(catalog.Changed)
		for range 5 {
			r.pauses = 0
			if r.tryUpgrade(t.Context()) {
				t.Fatal("it was replaced")
			}
			delete(r.app.fail, catalogPath)
			r.app.catalog.Host = "web1"
			r.once(catalog.OK)
		}
		r.Upgrade.Trial = func(context.Context, string) error { return nil }
		if !r.tryUpgrade(t.Context()) {
			t.Errorf("away %t: it is refused\n%s", away, r.out)
		}
	}
}

// TestTrial: a program on trial says so, fetches the whole catalog and makes a dry run.
func TestTrial(t *testing.T) {
	r := newTestHost(t)
	r.once(catalog.Changed)
	r.write("root/etc/motd", "drift")
	r.Version = "v2"
	if err := r.Trial(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if got := r.app.agents.heard; !slices.Equal(got, []string{"v2?"}) || r.read("root/etc/motd") != "drift" || len(r.app.reports) != 1 {
		t.Errorf("heard %q, reports %d", got, len(r.app.reports))
	}
	r.app.catalog.Host = "web2"
	if err := r.Trial(t.Context(), true); err == nil || !strings.Contains(err.Error(), "it is for host \"web2\"") {
		t.Error(err)
	}
}
