//go:build e2e

package simulated_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
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
)

const (
	boxMAC   = "52:54:00:00:00:01"
	otherMAC = "52:54:00:00:0a:01"
	patience = 4 * time.Minute
)

// A rig is the real appliance in a virtual rack, and a link for a simulated box.
type rig struct {
	t      *testing.T
	rack   *rack.Rack
	dir    string
	client *client.Client
}

func newRig(t *testing.T) *rig {
	t.Helper()
	program := os.Getenv("RACKHAND_BIN")
	if program == "" {
		t.Fatal("RACKHAND_BIN is not set: run these tests with `make e2e`")
	}
	r := &rig{t: t}
	var err error
	if r.rack, err = rack.New(t.Context(), rack.Options{Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.rack.Close(); err != nil {
			t.Error(err)
		}
	})
	r.dir = r.rack.Dir()
	for _, args := range [][]string{
		{"link", "add", "box1", "address", boxMAC, "type", "veth", "peer", "name", "port1"},
		{"link", "set", "port1", "master", "br0", "up"},
		{"link", "set", "box1", "up"},
	} {
		if out, err := r.rack.CommandBeside(t.Context(), "ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v %s", args, err, out)
		}
	}
	r.files()
	r.appliance(program)
	return r
}

// files writes settings, inventory, a secret and media.
func (r *rig) files() {
	r.t.Helper()
	iso, err := mediatest.Write(r.dir)
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
  rocky9: {installer: anaconda, release: RHEL9, media: rocky9}
hosts:
  web1:
    mac: "` + boxMAC + `"
    address: 10.77.0.11
    system: rocky9
    kickstart: rhel.ks
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

func (r *rig) appliance(program string) {
	r.t.Helper()
	cmd := r.rack.Command(context.Background(), program, "serve", "--config", filepath.Join(r.dir, "rackhand.yaml"))
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
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
func (r *rig) power(o simulated.Options) simulated.Result {
	r.t.Helper()
	o.Link, o.Serial, o.Further, o.MaxBoots, o.Scratch = "box1", "SIM4711", []string{otherMAC}, 6, r.dir
	if o.Packages == 0 {
		o.Packages = 60
	}
	args, err := json.Marshal(o)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := r.rack.CommandBeside(ctx, self)
	cmd.Env = append(os.Environ(), envBox+"="+string(args))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
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

func (r *rig) install() provision.Install {
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
func (r *rig) events() map[string][]provision.Event {
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

func (r *rig) log() string {
	r.t.Helper()
	var b bytes.Buffer
	if err := r.client.Log(r.t.Context(), "web1", "", false, &b); err != nil {
		r.t.Fatal(err)
	}
	return b.String()
}

// TestSimulatedAnaconda: a bare box, armed by its first boot, is installed from the ISO
// by the shipped Kickstart; every stage is seen, and nothing secret stands in the log.
func TestSimulatedAnaconda(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	res := r.power(simulated.Options{})
	if !res.Installed || res.Installs != 1 || res.Boots != 2 {
		t.Errorf("%+v", res)
	}
	in := r.install()
	if in.Stage != provision.Installed || in.Armed || in.Attempts != 1 {
		t.Errorf("the install is %+v", in)
	}
	for _, s := range []provision.Stage{provision.Addressed, provision.Bootfile, provision.Script, provision.Kernel, provision.Installer, provision.Packages, provision.Installed} {
		if in.Reached[s].IsZero() {
			t.Errorf("stage %s was not seen", s)
		}
	}
	events := r.events()
	if e := events["answer"]; len(e) != 1 || e[0].Fields["serial"] != "SIM4711" {
		t.Errorf("answers: %v", e)
	}
	if len(events["answer-again"]) != 1 {
		t.Error("the further interface's request was not seen")
	}
	counted := 0
	for _, e := range events[provision.KindProgress] {
		if e.Source == "syslog" {
			counted++
		}
	}
	if counted < 10 || counted > 40 {
		t.Errorf("%d events of packages", counted)
	}
	for _, kind := range []string{"token-refused", "answer-late", "mac-refused", "fetch-failed"} {
		if len(events[kind]) > 0 {
			t.Errorf("%s: %v", kind, events[kind])
		}
	}
	log := r.log()
	if !strings.Contains(log, "Installing simulated-60.x86_64 (60/60)") || !strings.Contains(log, "/i/***") {
		t.Errorf("the log:\n%s", log)
	}
	if strings.Contains(log, "correct-horse-battery") || strings.Contains(log, "$6$") {
		t.Error("there is a secret in the log")
	}
}

// TestSimulatedFailure: Anaconda fails each time; it waits, boots again, and the
// attempts of the install are what ends it.
func TestSimulatedFailure(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	res := r.power(simulated.Options{Fails: simulated.FailPackages, FailTimes: 9})
	if res.Installed || res.Installs != 2 || len(res.Waited) != 2 || res.Waited[0] != 180*time.Second {
		t.Errorf("%+v", res)
	}
	in := r.install()
	if in.Stage != provision.Failed || in.Armed || in.Attempts != 2 {
		t.Errorf("the install is %+v", in)
	}
	if e := r.events()[provision.KindAttemptFailed]; len(e) != 2 || e[0].Stage != "" || e[1].Stage != provision.Failed {
		t.Errorf("failed attempts: %v", e)
	}
}

// TestSimulatedData: a disk that carries data ends the install at once, since it was not
// armed with --wipe; the box does not come back for another attempt.
func TestSimulatedData(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if err := os.WriteFile(filepath.Join(r.dir, "simulated-sda"), []byte("somebody's data"), 0o600); err != nil {
		t.Fatal(err)
	}
	res := r.power(simulated.Options{})
	if res.Installed || res.Installs != 1 || res.Boots != 2 {
		t.Errorf("%+v", res)
	}
	in := r.install()
	if in.Stage != provision.Failed || !strings.Contains(in.Reason, "This disk carries data") {
		t.Errorf("the install is %+v", in)
	}
	if b, err := os.ReadFile(filepath.Join(r.dir, "simulated-sda")); err != nil || !strings.HasPrefix(string(b), "somebody's data") {
		t.Errorf("the disk: %.20q, %v", b, err)
	}
}

// TestSimulatedSecondTry: what fails once, with the disk laid out already, is installed
// by the next attempt: what stands on the disk is the install's own.
func TestSimulatedSecondTry(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	res := r.power(simulated.Options{Fails: simulated.FailPost, FailTimes: 1})
	if !res.Installed || res.Installs != 2 || res.Boots != 3 {
		t.Errorf("%+v", res)
	}
	if in := r.install(); in.Stage != provision.Installed || in.Attempts != 2 {
		t.Errorf("the install is %+v", in)
	}
}

// TestSimulatedLateFetch: the answer file is asked for after the installer has begun.
func TestSimulatedLateFetch(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	res := r.power(simulated.Options{Late: true})
	if !res.Installed || res.LateStatus != 403 {
		t.Errorf("%+v", res)
	}
	if e := r.events()["answer-late"]; len(e) != 1 || e[0].Level != provision.LevelError {
		t.Errorf("late fetches: %v", e)
	}
}
