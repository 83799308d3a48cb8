package web_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rackhand/bootfiles/image"
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/catalog"
	"rackhand/provision/catalogs"
	"rackhand/provision/content"
	"rackhand/provision/handout"
	"rackhand/provision/hostfacts"
	"rackhand/provision/journal"
	"rackhand/provision/journal/journaltest"
	"rackhand/provision/operate"
	"rackhand/provision/orders"
	"rackhand/provision/pki"
	"rackhand/provision/reports"
	"rackhand/provision/store/storetest"
	"rackhand/provision/web"
	"rackhand/templates"
)

// A testServer serves the routes over a real journal, store and CA. The map of leases
// replaces the network.
type testServer struct {
	t       *testing.T
	journal *journal.Journal
	snap    *inventory.Snapshot
	leases  map[string]string // MAC -> address
	options web.Options
	server  *web.Server
	later   time.Duration // what the routes' clock is ahead
	elapsed atomic.Int64  // what counted time is ahead
	images  string
	boot    http.Handler
	agents  http.Handler
}

func newTestServer(t *testing.T) *testServer {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	r := &testServer{t: t, leases: map[string]string{web1MAC: "10.77.0.11", web2MAC: "10.77.0.12"}}
	began := time.Now()
	elapsed := func() time.Duration { return time.Since(began) + time.Duration(r.elapsed.Load()) }
	st, j := journaltest.Run(t, storetest.Dir(t), r.clock, elapsed, log)
	authority, err := pki.Open(t.TempDir(), netip.MustParseAddr("127.0.0.1"), st, rand.Reader, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	r.journal, r.snap, r.images = j, snapshot(t), images(t)
	r.options = web.Options{
		Journal: j, Store: st, Authority: authority,
		Snapshot: func() *inventory.Snapshot { return r.snap },
		Leased: func(_ context.Context, mac inventory.MAC) (netip.Addr, bool) {
			a, err := netip.ParseAddr(r.leases[mac.String()])
			return a, err == nil
		},
		Leaseholder: func(_ context.Context, addr netip.Addr) (inventory.MAC, bool) {
			for mac, a := range r.leases {
				if a == addr.String() {
					m, err := inventory.ParseMAC(mac)
					return m, err == nil
				}
			}
			return inventory.MAC{}, false
		},
		Decide: func(_ context.Context, q boot.Request) (boot.Decision, error) {
			h := r.snap.HostByMAC(q.MAC)
			if h == nil {
				return boot.Decision{Action: boot.Nothing}, nil
			}
			if in, ok := j.Current(h.Name); ok {
				if may, _ := in.MayHandOut(time.Now()); may {
					return boot.Decision{Host: h, Action: boot.InstallIt, Script: true}, nil
				}
			}
			return boot.Decision{Host: h, Action: boot.Disk}, nil
		},
		Catalogs: &testCatalogs{compile: func(h *inventory.Host) (*role.Compiled, error) {
			return &role.Compiled{Catalog: catalog.Catalog{Host: h.Name, Version: "v1"}}, nil
		}},
		Handout: &handout.Maker{
			Templates: templates.New(""), Secret: func(string) (string, error) { return "", os.ErrNotExist },
			Random: rand.Reader, Images: r.images, Mirrors: []string{"debian"},
		},
		Files:     ownFiles(t),
		Appliance: templates.Appliance{URL: "http://10.77.0.1", Agents: "https://10.77.0.1:8443"},
		Random:    rand.Reader, Clock: r.clock, Log: log,
	}
	r.serve()
	return r
}

// serve makes the routes anew, as a restart of the appliance does.
func (r *testServer) serve() {
	var err error
	if r.options.Orders, err = orders.Open(context.Background(), orders.Options{Store: r.options.Store, Counted: r.journal.Counted, Clock: r.clock, Random: rand.Reader}); err != nil {
		r.t.Fatal(err)
	}
	r.options.Reports = reports.New(reports.Options{Store: r.options.Store, Clock: r.clock, Counted: r.journal.Counted, Keep: config.Default().Keep, Log: r.options.Log})
	r.options.Facts = hostfacts.New(hostfacts.Options{Store: r.options.Store, Clock: r.clock, Counted: r.journal.Counted, Log: r.options.Log})
	if err := r.options.Facts.Load(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	r.options.Operator = &operate.Operator{Journal: r.journal, Snapshot: r.options.Snapshot, Orders: r.options.Orders, Now: r.clock, Runs: r.options.Reports.Runs}
	s := web.New(r.options)
	r.server, r.boot, r.agents = s, s.Boot(), s.Agents()
}

// clock is the real time, moved on by what a test says.
func (r *testServer) clock() time.Time { return time.Now().Add(r.later) }

func snapshot(t *testing.T) *inventory.Snapshot {
	t.Helper()
	n := &inventory.Network{Name: "rack1", Subnet: netip.MustParsePrefix("10.77.0.0/24")}
	sys := &inventory.System{Name: "debian12", Installer: inventory.InstallerImage, Image: "debian12"}
	s := &inventory.Snapshot{
		Hosts: map[string]*inventory.Host{}, Networks: map[string]*inventory.Network{"rack1": n},
		Systems: map[string]*inventory.System{"debian12": sys, "later": {Name: "later", Installer: inventory.InstallerImage, Image: "later"}},
	}
	for i, mac := range []string{web1MAC, web2MAC} {
		m, err := inventory.ParseMAC(mac)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("web%d", i+1)
		s.Hosts[name] = &inventory.Host{
			Name: name, MACs: []inventory.MAC{m}, Address: netip.AddrFrom4([4]byte{10, 77, 0, byte(11 + i)}),
			Network: n, System: sys, Kickstart: "base.ks",
		}
	}
	return s
}

// images writes an image of three small files.
func images(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	m := image.Manifest{Name: "debian12", Created: time.Now(), Release: "bookworm", Arch: "amd64", Kernel: "6.1.0-1-amd64", Packages: 1, Unpacked: 1, Files: map[string]image.File{}}
	if err := os.Mkdir(filepath.Join(dir, "debian12"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{image.KernelFile, image.InitrdFile, image.BaseFile, image.PackagesFile, image.RootFile} {
		text := []byte("this is " + name)
		sum := sha256.Sum256(text)
		m.Files[name] = image.File{Name: name, Size: int64(len(text)), SHA256: hex.EncodeToString(sum[:])}
		if err := os.WriteFile(filepath.Join(dir, "debian12", name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "debian12", image.ManifestFile), b, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ask sends a request as if from an address.
func (r *testServer) ask(h http.Handler, from, method, path, body string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.RemoteAddr = from + ":1024"
	req.Header.Set("X-Forwarded-For", "10.77.0.11") // believed by nobody
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// askWith fetches something on port 80 with headers.
func (r *testServer) askWith(from, path string, headers map[string]string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest("GET", path, nil)
	req.RemoteAddr = from + ":1024"
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	r.boot.ServeHTTP(w, req)
	return w
}

func (r *testServer) arm(host string) {
	r.t.Helper()
	_, err := r.journal.Arm(journal.Request{
		Host: host, System: "debian12", Budget: provision.Budget{Attempts: 3, Time: time.Minute},
		Expires: time.Hour, Source: "operator", Why: "asked for",
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// script fetches the boot script of a host and returns the token in it.
func (r *testServer) script(mac, from string) string {
	r.t.Helper()
	w := r.ask(r.boot, from, "GET", "/boot/ipxe?mac="+mac, "")
	m := tokenIn.FindStringSubmatch(w.Body.String())
	if w.Code != 200 || m == nil {
		r.t.Fatalf("the boot script: %d %s", w.Code, w.Body)
	}
	return m[1]
}

func (r *testServer) want(w *httptest.ResponseRecorder, code int) {
	r.t.Helper()
	if w.Code != code {
		r.t.Errorf("status %d, want %d: %s", w.Code, code, w.Body)
	}
}

func (r *testServer) wantEvent(host, kind string) {
	r.t.Helper()
	events, err := r.journal.Events(r.t.Context(), host, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range events {
		if e.Kind == kind {
			return
		}
	}
	r.t.Errorf("no event %s of %q", kind, host)
}

// testCatalogs make a catalog whenever one is asked for.
type testCatalogs struct {
	compile func(h *inventory.Host) (*role.Compiled, error)
	given   map[string]*catalogs.Made
	store   *content.Store
}

func (c *testCatalogs) Catalog(h *inventory.Host) (*catalogs.Made, error) {
	compiled, err := c.compile(h)
	if err != nil {
		return nil, err
	}
	return catalogs.Make(compiled)
}

func (c *testCatalogs) Given(host string, m *catalogs.Made) {
	if c.given == nil {
		c.given = map[string]*catalogs.Made{}
	}
	c.given[host] = m
}

func (c *testCatalogs) Last(host string) *catalogs.Made { return c.given[host] }

func (c *testCatalogs) Readable(string, int) *catalogs.Made { return nil }

func (c *testCatalogs) Content(sum string) (*os.File, error) { return c.store.Open(sum) }
