//go:build e2e

package simulated_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
)

const (
	boxMAC   = "52:54:00:00:00:01"
	otherMAC = "52:54:00:00:0a:01"
	patience = 4 * time.Minute
)

// A rig is the real appliance in a virtual rack, and a link for a simulated box.
type rig struct {
	t       *testing.T
	rack    *rack.Rack
	dir     string
	program string
	client  *client.Client
	kill    func()          // ends the appliance, without a word
	logs    []*bytes.Buffer // what each run of it has said; to be read once it has ended
	// beside runs a program where the boxes stand, and link is that of the box.
	beside func(ctx context.Context, name string, args ...string) *exec.Cmd
	link   string
}

// A family is whose media they are.
type family struct{ name, version, release, kickstart string }

var (
	rocky9   = family{"Rocky Linux", "9.4", "RHEL9", "rhel.ks"}
	fedora44 = family{"Fedora", "44", "F44", "fedora.ks"}
)

func newRig(t *testing.T) *rig { return newRigOf(t, rocky9) }

func newRigOf(t *testing.T, f family) *rig {
	t.Helper()
	return newRigWith(t, func(r *rig) { r.files(f) })
}

// newRigWith is a rig whose files are written by write.
func newRigWith(t *testing.T, write func(*rig)) *rig {
	t.Helper()
	program := os.Getenv("RACKHAND_BIN")
	if program == "" {
		t.Fatal("RACKHAND_BIN is not set: run these tests with `make e2e`")
	}
	r := &rig{t: t, program: program}
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
func (r *rig) files(f family) {
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

func (r *rig) appliance() {
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
func (r *rig) power(o simulated.Options) simulated.Result {
	r.t.Helper()
	return r.run(powered{Options: o})
}

// run is power for a box whose installed system may have an agent that works.
func (r *rig) run(o powered) simulated.Result {
	r.t.Helper()
	return r.runUntil(r.t.Context(), o)
}

// runUntil is run for a box that loses its power when ctx ends: then its result is none.
func (r *rig) runUntil(off context.Context, o powered) simulated.Result {
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
func (r *rig) runTo(o powered) <-chan simulated.Result {
	r.t.Helper()
	return r.runToUntil(r.t.Context(), o)
}

func (r *rig) runToUntil(off context.Context, o powered) <-chan simulated.Result {
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
func (r *rig) goOn() {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, "paused.go"), nil, 0o600); err != nil {
		r.t.Fatal(err)
	}
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
	if !strings.Contains(log, "packaging: Installed: simulated-60-1.0-1.x86_64") || !strings.Contains(log, "/i/***") {
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
	if res.Installed || res.Installs != 1 || res.Boots != 2 || res.Restarts != 1 {
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

// TestSimulatedSecondTry: a script of ours that fails once says so and starts the next
// attempt itself, and that installs the box: what stands on the disk is the install's own.
func TestSimulatedSecondTry(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	res := r.power(simulated.Options{Fails: simulated.FailPost, FailTimes: 1})
	if !res.Installed || res.Installs != 2 || res.Boots != 3 || res.Restarts != 1 || res.Stands || len(res.Waited) != 0 {
		t.Errorf("%+v", res)
	}
	if in := r.install(); in.Stage != provision.Installed || in.Attempts != 2 {
		t.Errorf("the install is %+v", in)
	}
	if e := r.events()[provision.KindAttemptFailed]; len(e) != 1 || !strings.Contains(e[0].Message, "enabling the agent failed with status 1") {
		t.Errorf("failed attempts: %v", e)
	}
}

// TestSimulatedSiteScript: a script of the site's own that fails stands at a dialog (RHEL 8
// to 10, Fedora 42), or ends as any other error does (Fedora 43, 44). What each release
// logs of its packages is counted.
func TestSimulatedSiteScript(t *testing.T) {
	for _, f := range []family{rocky9, fedora44} {
		t.Run(f.release, func(t *testing.T) {
			t.Parallel()
			r := newRigOf(t, f)
			site := filepath.Join(r.dir, "inventory/templates/post.ks")
			if err := errors.Join(os.MkdirAll(filepath.Dir(site), 0o700), os.WriteFile(site, []byte("%post --erroronfail\nexit 1\n%end\n"), 0o600)); err != nil {
				t.Fatal(err)
			}
			res := r.power(simulated.Options{})
			stands := f == rocky9
			if res.Stands != stands || res.Installed || stands && len(res.Waited) != 0 || !stands && (len(res.Waited) != 2 || res.Installs != 2) {
				t.Errorf("%+v", res)
			}
			in, events := r.install(), r.events()
			if (in.Stage == provision.Failed) == stands || (len(events[provision.KindAttemptFailed]) > 0) == stands {
				t.Errorf("the install is %+v", in)
			}
			counted := 0
			for _, e := range events[provision.KindProgress] {
				if e.Source == "syslog" && strings.HasSuffix(e.Message, " of 60 packages") {
					counted++
				}
			}
			if counted < 10 || counted > 60 || len(events[provision.KindPacked]) == 0 {
				t.Errorf("%d events of packages, %d that they are through", counted, len(events[provision.KindPacked]))
			}
		})
	}
}

// TestSimulatedRestartAtTheEnd: the appliance is killed just when a box is about to say
// that it is installed, and comes back. The report gets through, and the box is not
// installed a second time.
func TestSimulatedRestartAtTheEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ended := r.runTo(powered{Options: simulated.Options{PauseAt: simulated.PauseEnd}, Enrols: true})
	r.kill()
	r.goOn()
	time.Sleep(3 * time.Second) // it is refused a few times; more or fewer make no difference
	r.appliance()
	res := <-ended
	if !res.Installed || res.Installs != 1 || res.Boots != 2 {
		t.Errorf("%+v", res)
	}
	in, events := r.install(), r.events()
	if in.Stage.Rank() < provision.Enrolled.Rank() || in.Attempts != 1 || in.Armed || len(events[provision.KindQuestion]) > 0 || len(events["installed-unreported"]) > 0 {
		t.Errorf("the install is %+v", in)
	}
}

// TestSimulatedLostReport: the report of the end is lost altogether, and the box comes
// back by network. It is not handed the installer: it boots its disk, and the system there
// enrols, by which the install goes on.
func TestSimulatedLostReport(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	res := r.run(powered{Options: simulated.Options{Mute: true}, Enrols: true})
	if res.Installs != 1 || res.Boots != 2 {
		t.Errorf("%+v", res)
	}
	in, events := r.install(), r.events()
	if in.Stage.Rank() < provision.Enrolled.Rank() || in.Attempts != 1 || in.Armed || in.Doubt != "" {
		t.Errorf("the install is %+v", in)
	}
	if len(events[provision.KindQuestion]) != 1 || len(events["installed-unreported"]) != 1 {
		t.Errorf("asked %v, told %v", events[provision.KindQuestion], events["installed-unreported"])
	}
}

// TestSimulatedQuestion: the same of a box whose system doesn't enrol. However often it
// comes by network, it is not handed the installer before the operator has said that what
// is on its disks may be lost.
func TestSimulatedQuestion(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	installs := 0
	for range 3 {
		installs += r.power(simulated.Options{Mute: true}).Installs
	}
	first, events := r.install(), r.events()
	if installs != 1 || len(events[provision.KindQuestion]) != 1 || first.Attempts != 1 || first.Stage != provision.Packages || !strings.Contains(first.Doubt, "packages were through") {
		t.Errorf("%d installs, asked %v: %+v", installs, events[provision.KindQuestion], first)
	}
	if _, err := r.client.Install(t.Context(), "web1", provision.InstallRequest{}); err == nil || !strings.Contains(err.Error(), "`rackhand install web1 --wipe`") {
		t.Errorf("without --wipe: %v", err)
	}
	if _, err := r.client.Install(t.Context(), "web1", provision.InstallRequest{Wipe: true}); err != nil {
		t.Fatal(err)
	}
	res := r.power(simulated.Options{})
	if second := r.install(); !res.Installed || res.Installs != 1 || second.ID == first.ID || second.Stage != provision.Installed {
		t.Errorf("%+v, %+v", res, second)
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

// TestSimulatedInitrdGivesUp: the Kickstart can't be rendered any more when the initrd asks
// for it. The box comes back as another attempt, is kept waiting at its script, and goes on
// when the template is mended.
func TestSimulatedInitrdGivesUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ended := r.runTo(powered{Options: simulated.Options{PauseAt: simulated.PauseInitrd}})
	site := filepath.Join(r.dir, "inventory/templates/post.ks")
	if err := errors.Join(os.MkdirAll(filepath.Dir(site), 0o700), os.WriteFile(site, []byte("{{ var \"missing\" }}\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	r.goOn()
	for len(r.events()[provision.KindAttempt]) == 1 { // the second one is not handed out
		time.Sleep(200 * time.Millisecond)
		if n := len(r.events()["ack"]); n >= 4 { // firmware, iPXE and initrd, and firmware again
			break
		}
	}
	if err := os.Remove(site); err != nil {
		t.Fatal(err)
	}
	res := <-ended
	if in := r.install(); !res.Installed || res.Installs != 2 || len(res.Waited) != 0 || in.Attempts != 2 || in.Stage != provision.Installed {
		t.Errorf("%+v: %+v", res, in)
	}
	if len(r.events()["template"]) == 0 {
		t.Error("nobody was told")
	}
}
