package operate

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/handout"
	"rackhand/provision/journal"
	"rackhand/provision/journal/journaltest"
	"rackhand/templates"
)

// A testOperator works on a real journal, with one host.
type testOperator struct {
	*Operator
	t    *testing.T
	host *inventory.Host
}

func newTestOperator(t *testing.T) *testOperator {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	_, j := journaltest.Run(t, t.TempDir(), time.Now, nil, log)
	images := t.TempDir()
	if err := os.Mkdir(filepath.Join(images, "debian12"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := func(name string) string {
		return `"` + name + `":{"name":"` + name + `","size":1,"sha256":"` + strings.Repeat("0", 64) + `"}`
	}
	manifest := `{"name":"debian12","arch":"amd64","files":{` + strings.Join([]string{file("vmlinuz"), file("initrd.img"), file("initrd.base"), file("root.tar.zst")}, ",") + `}}`
	if err := os.WriteFile(filepath.Join(images, "debian12", "manifest.json"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	b := &testOperator{t: t, host: &inventory.Host{
		Name: "web1", MACs: []inventory.MAC{{0x52, 0x54, 0, 0, 0, 1}}, Address: netip.MustParseAddr("10.77.0.11"),
		System: &inventory.System{Name: "debian12", Installer: inventory.InstallerImage, Image: "debian12"}, Install: inventory.FirstBoot,
		BMC: &inventory.BMC{}, Variables: map[string]any{}, Network: &inventory.Network{},
	}}
	b.Operator = &Operator{
		Journal: j, Snapshot: func() *inventory.Snapshot {
			return &inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": b.host}}
		},
		Handout:   &handout.Maker{Images: images, Templates: templates.New(""), Random: rand.Reader},
		Appliance: templates.Appliance{URL: "http://10.77.0.1"}, Settings: config.Install{Attempts: 2, Expires: time.Hour}, Now: time.Now,
	}
	return b
}

func (b *testOperator) stage(s provision.Stage) {
	b.t.Helper()
	if err := b.Journal.Record(provision.Event{Host: "web1", Source: "test", Kind: "test", Stage: s}); err != nil {
		b.t.Fatal(err)
	}
}

func publicKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

func TestJobRefusals(t *testing.T) {
	b := newTestOperator(t)
	b.stageServing()
	for name, c := range map[string]struct {
		r    provision.JobRequest
		want error
		text string
	}{
		"a wipe without --yes":         {provision.JobRequest{Job: provision.JobWipe, Serving: true}, provision.ErrInvalidRequest, "erases all its disks; say --yes"},
		"of one disk":                  {provision.JobRequest{Job: provision.JobWipe, Order: provision.Order{Disks: []string{"S1"}}}, provision.ErrInvalidRequest, "its disks S1; say --yes"},
		"a wipe of a host that serves": {provision.JobRequest{Job: provision.JobWipe, Yes: true}, provision.ErrServes, "--serving"},
		"a burn-in of it":              {provision.JobRequest{Job: provision.JobBurnin, Order: provision.Order{Minutes: 5}}, provision.ErrServes, "a burn-in takes it out of service"},
		"a rescue without a key":       {provision.JobRequest{Job: provision.JobRescue}, provision.ErrInvalidRequest, "--key"},
		"a private key": {
			provision.JobRequest{Job: provision.JobRescue, Order: provision.Order{Keys: []string{"-----BEGIN OPENSSH PRIVATE KEY-----\nMIIsecret"}}},
			provision.ErrInvalidRequest, "private key",
		},
		"a key with options": {provision.JobRequest{Job: provision.JobRescue, Order: provision.Order{Keys: []string{`command="id" ` + publicKey(t)}}}, provision.ErrInvalidRequest, "options"},
		"no key at all":      {provision.JobRequest{Job: provision.JobRescue, Order: provision.Order{Keys: []string{"nonsense"}}}, provision.ErrInvalidRequest, "not an SSH public key"},
		"no job at all":      {provision.JobRequest{Job: "explode"}, provision.ErrInvalidRequest, "not a job"},
	} {
		_, err := b.Job(t.Context(), "web1", c.r)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.Job(t.Context(), "web9", provision.JobRequest{Job: provision.JobWipe, Yes: true}); !errors.Is(err, provision.ErrNoHost) {
		t.Errorf("a host that is not there: %v", err)
	}
	if jobs := b.Journal.Jobs(); len(jobs) > 0 {
		t.Errorf("something was armed: %+v", jobs)
	}
}

// stageServing takes the host through an install, for its journal's sake.
func (b *testOperator) stageServing() {
	b.t.Helper()
	if _, err := b.Journal.Arm(journal.Request{Host: "web1", Budget: provision.Budget{Attempts: 1}, Expires: time.Hour}); err != nil {
		b.t.Fatal(err)
	}
	b.stage(provision.Serving)
}

func TestRescueKeys(t *testing.T) {
	b := newTestOperator(t)
	b.stageServing()
	one, two := publicKey(t), publicKey(t)
	in, err := b.Job(t.Context(), "web1", provision.JobRequest{Job: provision.JobRescue, Power: true, Order: provision.Order{Keys: []string{"# mine\n" + one + " me@desk\n\n" + two + "\n"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Order.Keys) != 2 || in.Order.Keys[0] != one+" me@desk" || in.Order.Keys[1] != two || in.Power != provision.PowerWanted || in.Budget.Time != 0 {
		t.Errorf("%+v", in)
	}
	if err := b.Cancel(t.Context(), "web1"); err != nil {
		t.Fatal(err)
	}
	if j, _ := b.Journal.Job("web1"); j.Stage != provision.Cancelled || !strings.Contains(j.Reason, "rescue") {
		t.Errorf("after a cancel: %s %s", j.Stage, j.Reason)
	}
	// Without any, those that an install would give root.
	b.host.Variables["ssh_keys"] = []any{one, two + " you"}
	if in, err = b.Job(t.Context(), "web1", provision.JobRequest{Job: provision.JobRescue}); err != nil || len(in.Order.Keys) != 2 {
		t.Fatalf("%v %v", in.Order.Keys, err)
	}
	if in.Power != provision.PowerManual {
		t.Error("its power is touched though nobody asked")
	}
	events, err := b.Journal.Events(t.Context(), "web1", 0)
	if err != nil || !strings.Contains(events[len(events)-1].Message, "SHA256:") {
		t.Errorf("who may come in is not told: %v %v", events, err)
	}
}

// FuzzPublicKeys: what is taken is one key a line, which a rescue takes as well.
func FuzzPublicKeys(f *testing.F) {
	f.Add("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGmJ0bR8tOa3zXZq7v5pCGRDe5Y7x0sWn3sgQ8L5bq8t me@desk")
	f.Add("# none\n\n")
	f.Add(`no-pty,command="a b" ssh-rsa AAAA`)
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := publicKeys([]string{text})
		if err != nil {
			return
		}
		for _, k := range keys {
			_, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(k))
			if err != nil || len(options) > 0 || len(rest) > 0 || strings.ContainsAny(k, "\r\n") {
				t.Errorf("%q gives %q: %v", text, k, err)
			}
		}
	})
}
