//go:build e2e

package rehearse_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/bootfiles/image/imagetest"
	"rackhand/provision"
	"rackhand/provision/rack/rehearse"
)

// patience bounds each wait. It is not a measure of speed, because emulated guests on a busy
// machine can be very slow.
const patience = 12 * time.Minute

func need(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: run these tests with `make e2e`", name)
	}
	return v
}

// small is the folder of the small image, which all but the tests about packages install.
func small(t *testing.T) string {
	t.Helper()
	dir, err := imagetest.Small(t.Context(), need(t, "RACKHAND_IMAGES"))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A rehearsal is a rehearse.Rehearsal with the test that it belongs to.
type rehearsal struct {
	*rehearse.Rehearsal
	t    *testing.T
	ctx  context.Context
	seq  uint64
	logs string
}

func start(t *testing.T, o rehearse.Options) *rehearsal {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	o.Program = need(t, "RACKHAND_BIN")
	if o.Images == "" {
		o.Images = small(t)
	}
	// Two packages are tested at a time, and a processor that is emulated takes a whole
	// one of the machine's.
	o.Processors = 1
	// KVM in a machine that is itself a guest may start a box and then hang it.
	o.Accelerator = "tcg"
	o.Logs = t.TempDir()
	o.Log = slog.New(slog.DiscardHandler)
	r, err := rehearse.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	x := &rehearsal{Rehearsal: r, t: t, ctx: ctx, logs: o.Logs}
	t.Cleanup(func() {
		if t.Failed() {
			x.dump()
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// dump shows the end of every log of a test that failed.
func (r *rehearsal) dump() {
	logs, err := filepath.Glob(filepath.Join(r.logs, "*"))
	if err != nil {
		r.t.Error(err)
	}
	for _, f := range logs {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if len(b) > 6000 {
			b = b[len(b)-6000:]
		}
		r.t.Logf("=== %s\n%s", filepath.Base(f), b)
	}
}

// until follows the journal until an event fits.
func (r *rehearsal) until(what string, fits func(provision.Event) bool) provision.Event {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, patience)
	defer cancel()
	var found provision.Event
	seq, err := r.Client.Watch(ctx, r.seq, func(e provision.Event) bool {
		r.t.Logf("%s %s %s: %s", e.Host, e.Source, e.Stage, e.Message)
		if fits(e) {
			found = e
			return false
		}
		return true
	})
	r.seq = seq
	if err != nil {
		r.t.Fatalf("waiting for %s: %v", what, err)
	}
	return found
}

// reach waits until a host is at a stage; ending elsewhere ends the test.
func (r *rehearsal) reach(host string, stage provision.Stage) provision.Event {
	r.t.Helper()
	e := r.until(host+" at "+string(stage), func(e provision.Event) bool {
		return e.Host == host && (e.Stage == stage || e.Stage.Ended())
	})
	if e.Stage != stage {
		r.t.Fatalf("%s ended %s, not %s: %s", host, e.Stage, stage, e.Message)
	}
	return e
}

func (r *rehearsal) host(name string) provision.HostStatus {
	r.t.Helper()
	st, err := r.Client.Status(r.ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, h := range st.Hosts {
		if h.Host == name {
			return h
		}
	}
	r.t.Fatalf("no host %s in the status", name)
	return provision.HostStatus{}
}

// eventually tries until it works.
func (r *rehearsal) eventually(what string, try func() error) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) || r.ctx.Err() != nil {
			r.t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// rackhand runs a command as the operator would.
func (r *rehearsal) rackhand(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.ctx, r.program(), args...)
	cmd.Env = append(os.Environ(), "RACKHAND_SOCKET="+r.Socket())
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("rackhand %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (r *rehearsal) program() string { return need(r.t, "RACKHAND_BIN") }

// events are all events of a host.
func (r *rehearsal) events(host string) []provision.Event {
	r.t.Helper()
	events, err := r.Client.Events(r.ctx, host)
	if err != nil {
		r.t.Fatal(err)
	}
	return events
}

func (r *rehearsal) count(host, kind string) int {
	n := 0
	for _, e := range r.events(host) {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// neverStuck fails the test if a healthy install was called stuck at any time.
func (r *rehearsal) neverStuck(host string) {
	r.t.Helper()
	for _, e := range r.events(host) {
		if e.Kind == "stuck" {
			r.t.Errorf("a false alarm: %s", e.Message)
		}
	}
}

// outside sends a GET from the appliance's network, from an address without a
// lease.
func (r *rehearsal) outside(path string) int {
	r.t.Helper()
	c := http.Client{Transport: &http.Transport{DialContext: r.Dial, DisableKeepAlives: true}}
	res, err := c.Get("http://10.77.0.1" + path)
	if err != nil {
		r.t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}
