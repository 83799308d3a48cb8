//go:build e2e

package simulated_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/bootfiles/media"
	"rackhand/bootfiles/media/mediatest"
	"rackhand/provision"
	"rackhand/provision/rack"
	"rackhand/provision/rack/simulated"
	"rackhand/provision/web/client"
	"rackhand/provision/why"
)

const (
	boxMAC   = "52:54:00:00:00:01"
	otherMAC = "52:54:00:00:0a:01"
	patience = 4 * time.Minute
)

// A testRack is the real appliance in a virtual rack, and a link for a simulated box.
type testRack struct {
	t       *testing.T
	rack    *rack.Rack
	dir     string
	program string
	client  *client.Client
	kill    func()          // ends the appliance, without a word
	logs    []*bytes.Buffer // the output of each run; to be read once it has ended
	// beside runs a program in the boxes' namespace, and link is the box's link.
	beside func(ctx context.Context, name string, args ...string) *exec.Cmd
	link   string
}

// A family is the distribution of the media.
type family struct{ name, version, release, kickstart string }

var (
	rocky9   = family{"Rocky Linux", "9.4", "RHEL9", "rhel.ks"}
	fedora44 = family{"Fedora", "44", "F44", "fedora.ks"}
)

func newTestRack(t *testing.T) *testRack { return newTestRackOf(t, rocky9) }

func newTestRackOf(t *testing.T, f family) *testRack {
	t.Helper()
	return newTestRackWith(t, func(r *testRack) { r.files(f) })
}

// newTestRackWith is a testRack whose files are written by write.
func newTestRackWith(t *testing.T, write func(*testRack)) *testRack {
	t.Helper()
	program := os.Getenv("RACKHAND_BIN")
	if program == "" {
		t.Fatal("RACKHAND_BIN is not set: run these tests with `make e2e`")
	}
	r := &testRack{t: t, program: program}
	var err error
	if r.rack, err = rack.New(t.Context(), rack.Options{Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.rack.Close(); err != nil {
			t.Error(err)
		}
	})
	r.dir, r.beside, r.link = r.rack.Dir(), r.rack.CommandBeside, "box1"
	for _, args := range [][]string{
		{"link", "add", "box1", "address", boxMAC, "type", "veth", "peer", "name", "port1"},
		{"link", "set", "port1", "master", "br0", "up"},
		{"link", "set", "box1", "up"},
	} {
		if out, err := r.rack.CommandBeside(t.Context(), "ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v %s", args, err, out)
		}
	}
	write(r)
	r.appliance()
	return r
}

// files writes settings, inventory, a secret and media.
func (r *testRack) files(f family) {
	r.t.Helper()
	iso, err := mediatest.WriteAs(r.dir, f.name, f.version)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, _, err := media.Add(r.t.Context(), iso, media.AddOptions{Dir: filepath.Join(r.dir, "state/media"), Name: "rocky9", Now: time.Now()}); err != nil {
		r.t.Fatal(err)
	}
	for name, text := range map[string]string{
		"rackhand.yaml": fmt.Sprintf("state: %[1]s/state\ninventory: %[1]s/inventory\nsecrets: %[1]s/secrets\nsocket: %[1]s/rackhand.sock\ninterfaces: [eth0]\npage: {listen: unix:%[1]s/page.sock}\ninstall: {attempts: 2}\n", r.dir),
		"inventory/rack.yaml": `networks:
  rack1: {subnet: 10.77.0.0/24, gateway: 10.77.0.1}
systems:
  rocky9: {installer: anaconda, release: ` + f.release + `, media: rocky9}
hosts:
  web1:
    mac: "` + boxMAC + `"
    address: 10.77.0.11
    system: rocky9
    kickstart: ` + f.kickstart + `
    install: first-boot
    variables: {root_password: root}
`,
		"secrets/root": "correct-horse-battery\n",
	} {
		path := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *testRack) appliance() {
	r.t.Helper()
	cmd := r.rack.Command(context.Background(), r.program, "serve", "--config", filepath.Join(r.dir, "rackhand.yaml"))
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	r.logs = append(r.logs, &log)
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	r.kill = func() {
		_ = cmd.Process.Kill()
		<-done
	}
	r.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(15 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		if r.t.Failed() {
			r.t.Logf("the appliance:\n%s", log.String()[max(0, log.Len()-12000):])
		}
	})
	r.client = client.New(filepath.Join(r.dir, "rackhand.sock"))
	for deadline := time.Now().Add(time.Minute); ; {
		if _, err := r.client.Status(r.t.Context()); err == nil {
			return
		}
		select {
		case <-done:
			r.t.Fatalf("the appliance has ended:\n%s", log.String())
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("the appliance does not answer:\n%s", log.String())
		}
	}
}

// power runs a simulated box to its end.
func (r *testRack) power(o simulated.Options) simulated.Result {
	r.t.Helper()
	return r.run(powered{Options: o})
}

// run is power for a box whose installed system may have an agent that works.
func (r *testRack) run(o powered) simulated.Result {
	r.t.Helper()
	return r.runUntil(r.t.Context(), o)
}

// runUntil is run for a box that loses its power when ctx ends. Then it has no result.
func (r *testRack) runUntil(off context.Context, o powered) simulated.Result {
	r.t.Helper()
	o.Link, o.Serial, o.Further, o.MaxBoots, o.Scratch = r.link, "SIM4711", []string{otherMAC}, 6, r.dir
	if o.Packages == 0 {
		o.Packages = 60
	}
	args, err := json.Marshal(o)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(off, patience)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := r.beside(ctx, self)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it clears away
	cmd.Env = append(os.Environ(), envBox+"="+string(args))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if off.Err() != nil && r.t.Context().Err() == nil {
		return simulated.Result{}
	}
	if err != nil {
		r.t.Fatalf("the simulated box: %v\n%s", err, said.String())
	}
	r.t.Logf("the simulated box:\n%s", said.String())
	var res simulated.Result
	if err := json.Unmarshal(out, &res); err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
	return res
}

// runTo runs a box in the background and returns when it has come to its pause.
func (r *testRack) runTo(o powered) <-chan simulated.Result {
	r.t.Helper()
	return r.runToUntil(r.t.Context(), o)
}

func (r *testRack) runToUntil(off context.Context, o powered) <-chan simulated.Result {
	r.t.Helper()
	ended := make(chan simulated.Result, 1)
	go func() {
		defer close(ended)
		ended <- r.runUntil(off, o)
	}()
	for { // the box itself is bounded
		if _, err := os.Stat(filepath.Join(r.dir, "paused")); err == nil {
			return ended
		}
		select {
		case <-ended:
			r.t.Fatal("it has ended before its pause")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// goOn ends a box's pause.
func (r *testRack) goOn() {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, "paused.go"), nil, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *testRack) install() provision.Install {
	r.t.Helper()
	st, err := r.client.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	for _, h := range st.Hosts {
		if h.Host == "web1" && h.Install != nil {
			return *h.Install
		}
	}
	r.t.Fatal("no install of web1")
	return provision.Install{}
}

// events are those of web1, by kind.
func (r *testRack) events() map[string][]provision.Event {
	r.t.Helper()
	all, err := r.client.Events(r.t.Context(), "web1")
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[string][]provision.Event{}
	for _, e := range all {
		r.t.Logf("%-9s %-16s %-10s %s %v", e.Source, e.Kind, e.Stage, e.Message, e.Fields)
		out[e.Kind] = append(out[e.Kind], e)
	}
	return out
}

func (r *testRack) log() string {
	r.t.Helper()
	var b bytes.Buffer
	if err := r.client.Log(r.t.Context(), "web1", "", false, &b); err != nil {
		r.t.Fatal(err)
	}
	return b.String()
}

// why is what the appliance says of web1.
func (r *testRack) why() *provision.Stuck {
	r.t.Helper()
	reply, err := r.client.Why(r.t.Context(), "web1")
	if err != nil {
		r.t.Fatal(err)
	}
	return reply.Host.Stuck
}

// whyLater is what the recorded journal of web1 says, with further events, after a time in
// which nothing more was heard of it.
func (r *testRack) whyLater(d time.Duration, further ...provision.Event) *provision.Stuck {
	r.t.Helper()
	events, err := r.client.Events(r.t.Context(), "web1")
	if err != nil {
		r.t.Fatal(err)
	}
	return why.Diagnose(why.Case{Install: r.install(), Events: append(events, further...)}, time.Now().Add(d))
}

// says fails the test if a diagnosis is not of a rule, or lacks a text.
func (r *testRack) says(got *provision.Stuck, rule string, texts ...string) {
	r.t.Helper()
	if got == nil {
		r.t.Fatalf("nothing is wrong, want %s", rule)
	}
	all := got.Cause() + " " + got.Remedy.Text + " " + got.Remedy.Command
	r.t.Logf("%s: %s", got.Rule, all)
	if got.Rule != rule {
		r.t.Errorf("rule %s, want %s", got.Rule, rule)
	}
	for _, text := range texts {
		if !strings.Contains(all, text) {
			r.t.Errorf("%s lacks %q: %s", rule, text, all)
		}
	}
}

// copiedWhy is what the command says of web1, from the state folder of an appliance that was
// killed.
func (r *testRack) copiedWhy() *provision.Stuck {
	r.t.Helper()
	out, err := exec.CommandContext(r.t.Context(), r.program, "why", "web1", "--json",
		"--state", filepath.Join(r.dir, "state"), "--inventory", filepath.Join(r.dir, "inventory")).Output()
	var reply provision.WhyReply
	if err == nil {
		err = json.Unmarshal(out, &reply)
	}
	if err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
	return reply.Host.Stuck
}
