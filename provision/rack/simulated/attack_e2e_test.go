//go:build e2e

package simulated_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sync/errgroup"

	"rackhand/bootfiles/image"
	"rackhand/provision"
	"rackhand/provision/web/client"
)

// envAttack is an attack as JSON: the test binary, run again beside the appliance.
const envAttack = "RACKHAND_ATTACK_E2E"

// An attack is where it goes.
type attack struct {
	Socket    string
	Appliance string // its hardware address
	Proxy     bool   // another server gives the addresses
}

const victims = 10

// TestForgedDatagrams: ten installs at different stages, whose scripts came by HTTP, TFTP
// and GRUB, and a burn-in, while somebody sends forged datagrams of every kind in their
// names, and in those of other cards of theirs. None is cut off or counts a second attempt of its only one. A host that is absent
// is armed by them, expires, and is installed when its box comes.
func TestForgedDatagrams(t *testing.T) {
	for _, mode := range []string{"authoritative", "proxy"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r := newTestRackWith(t, func(r *testRack) { r.attacked(mode) })
			hw, err := r.rack.Command(t.Context(), "cat", "/sys/class/net/eth0/address").Output()
			if err != nil {
				t.Fatal(err)
			}
			args, err := json.Marshal(attack{filepath.Join(r.dir, "rackhand.sock"), strings.TrimSpace(string(hw)), mode == "proxy"})
			if err != nil {
				t.Fatal(err)
			}
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := r.rack.CommandBeside(ctx, self)
			cmd.Env = append(os.Environ(), envAttack+"="+string(args))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// attacked writes settings and inventory for an attack, and an image of a few bytes.
func (r *testRack) attacked(mode string) {
	r.t.Helper()
	var hosts strings.Builder
	for n := range 20 {
		// Every other one boots by its second card.
		cards := []net.HardwareAddr{victimMAC(n + 1), otherCard(n + 1)}
		if n%2 == 0 {
			slices.Reverse(cards)
		}
		fmt.Fprintf(&hosts, "  web%d: {mac: [%q, %q], address: %s, system: debian12, kickstart: base.ks, install: first-boot, variables: {root_password: root}}\n", n+1, cards[0], cards[1], victimAddr(n+1))
	}
	files := map[string]string{
		"rackhand.yaml":       fmt.Sprintf("state: %[1]s/state\ninventory: %[1]s/inventory\nsecrets: %[1]s/secrets\nsocket: %[1]s/rackhand.sock\ninterfaces: [eth0]\npage: {listen: unix:%[1]s/page.sock}\ninstall: {attempts: 1, expires: 1m}\n", r.dir),
		"inventory/rack.yaml": "networks:\n  rack1: {subnet: 10.77.0.0/24, gateway: 10.77.0.1, dhcp: " + mode + "}\nsystems:\n  debian12: {installer: image, image: debian12}\nhosts:\n" + hosts.String(),
		"secrets/root":        "correct-horse-battery\n",
	}
	m := image.Manifest{Name: "debian12", Created: time.Now(), Release: "bookworm", Arch: "amd64", Kernel: "6.1.0-1-amd64", Packages: 1, Unpacked: 1, Files: map[string]image.File{}}
	for _, name := range []string{image.KernelFile, image.InitrdFile, image.BaseFile, image.PackagesFile, image.RootFile} {
		text := "this is " + name
		sum := sha256.Sum256([]byte(text))
		m.Files[name] = image.File{Name: name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
		files["state/images/debian12/"+name] = text
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		r.t.Fatal(err)
	}
	files["state/images/debian12/"+image.ManifestFile] = string(manifest)
	for name, text := range files {
		path := filepath.Join(r.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// attackMain is the attack, and its victims.
func attackMain(args []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var a attack
	if err := json.Unmarshal(args, &a); err != nil {
		return err
	}
	to, err := net.ParseMAC(a.Appliance)
	if err != nil {
		return err
	}
	// Each card answers and asks for its own address alone, as cards of several boxes do.
	for name, value := range map[string]string{"arp_ignore": "1", "arp_announce": "2", "rp_filter": "0"} {
		if err := os.WriteFile("/proc/sys/net/ipv4/conf/all/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	c := client.New(a.Socket)
	gives := appliance
	if a.Proxy {
		gives = otherDHCP
	}
	evil, err := newVictim(30, "", to)
	if err != nil {
		return err
	}
	// One that isn't there: it is armed, and that expires.
	for _, program := range programs {
		if err := evil.wire.dhcp(victimMAC(12), dhcpv4.MessageTypeDiscover, as(program)); err != nil {
			return err
		}
	}
	job, err := burnin(ctx, c, to, gives)
	if err != nil {
		return err
	}
	var boxes []*victim
	for n := range victims {
		v, err := newVictim(n+1, []string{"http", "tftp", "grub"}[n%3], to)
		if err != nil {
			return err
		}
		if err := errors.Join(v.addressed(ctx, c, gives), evil.wire.storm(v)); err != nil {
			return err
		}
		boxes = append(boxes, v)
	}
	// All at once: each waits for its turn behind the transfers that were asked for in its name.
	var scripts errgroup.Group
	for _, v := range boxes {
		scripts.Go(func() error { return v.script(ctx) })
	}
	if err := scripts.Wait(); err != nil {
		return err
	}
	storm := func() {
		for range 2 {
			for _, v := range append(boxes, job) {
				err = errors.Join(err, evil.wire.storm(v))
			}
			time.Sleep(300 * time.Millisecond) // more or less makes no difference
		}
	}
	storm()
	steps := takeSteps(ctx, boxes, storm) // storm adds to err
	err = errors.Join(err, steps)
	err = errors.Join(err, job.want(ctx, http.StatusNoContent, http.MethodGet, "/alive", ""), job.want(ctx, http.StatusNoContent, http.MethodPost, "/event", `{"stage":"done"}`))
	for _, v := range boxes {
		err = errors.Join(err, installed(ctx, c, v.host))
	}
	if last, e := c.LastJob(ctx, job.host); e != nil || last.Job.Stage != provision.Done {
		err = errors.Join(err, e, fmt.Errorf("the burn-in is %s: %s", last.Job.Stage, last.Job.Reason))
	}
	return errors.Join(err, comes(ctx, c, to, gives))
}

// takeSteps takes the boxes through an install. Each step is taken by one half of them before
// an attack, and by the other half after it.
func takeSteps(ctx context.Context, boxes []*victim, attack func()) (err error) {
	steps := []struct{ method, path, body string }{
		{http.MethodGet, "/ks", ""}, {http.MethodPost, "/event", `{"stage":"installer"}`}, {http.MethodPost, "/event", `{"stage":"packages"}`}, {http.MethodPost, "/event", `{"stage":"installed"}`},
	}
	for _, s := range steps {
		code := http.StatusNoContent
		if s.method == http.MethodGet {
			code = http.StatusOK
		}
		for half := range 2 {
			for n, v := range boxes {
				if n/3%2 == half {
					err = errors.Join(err, v.want(ctx, code, s.method, s.path, s.body))
				}
			}
			attack()
		}
	}
	return err
}

// burnin is a box in its burn-in.
func burnin(ctx context.Context, c *client.Client, to net.HardwareAddr, gives netip.Addr) (*victim, error) {
	v, err := newVictim(11, "http", to)
	if err != nil {
		return nil, err
	}
	if _, err := c.Job(ctx, v.host, provision.JobRequest{Job: provision.JobBurnin, Order: provision.Order{Minutes: 5}}); err != nil {
		return nil, err
	}
	return v, errors.Join(v.addressed(ctx, c, gives), v.script(ctx), v.want(ctx, http.StatusOK, http.MethodGet, "/job", ""), v.want(ctx, http.StatusNoContent, http.MethodPost, "/event", `{"stage":"installer"}`))
}

// installed says what is wrong with a host's install.
func installed(ctx context.Context, c *client.Client, host string) error {
	st, err := c.Status(ctx)
	if err != nil {
		return err
	}
	for _, h := range st.Hosts {
		if h.Host != host {
			continue
		}
		if in := h.Install; in == nil || in.Stage != provision.Installed || in.Attempts != 1 || in.Doubt != "" {
			return fmt.Errorf("the install of %s is %+v", host, in)
		}
	}
	return nil
}

// comes waits until the arming of the absent host has expired, and switches its box on.
func comes(ctx context.Context, c *client.Client, to net.HardwareAddr, gives netip.Addr) error {
	for {
		all, err := c.Events(ctx, "web12")
		if err != nil {
			return err
		}
		expired := false
		for _, e := range all {
			expired = expired || e.Kind == "expired"
		}
		if expired {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	v, err := newVictim(12, "http", to)
	if err != nil {
		return err
	}
	return errors.Join(v.addressed(ctx, c, gives), v.script(ctx), v.want(ctx, http.StatusOK, http.MethodGet, "/ks", ""),
		v.want(ctx, http.StatusNoContent, http.MethodPost, "/event", `{"stage":"installed"}`), installed(ctx, c, v.host))
}
