package web_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"rackhand/bootfiles"
	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/catalog"
	"rackhand/provision/catalogs"
	"rackhand/provision/content"
	"rackhand/provision/pki"
)

// An agentKey is what an agent of a test has: its key and its certificate, as PEM.
type agentKey struct {
	key, cert []byte
	parsed    *x509.Certificate
}

// certified signs a certificate for a host, whatever became of its install.
func (r *testServer) certified(host string) agentKey {
	r.t.Helper()
	check := func(err error) {
		if err != nil {
			r.t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: host}}, key)
	check(err)
	csr, err := pki.ParseCSR(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), host)
	check(err)
	a := agentKey{}
	a.cert, err = r.server.Authority.Sign(r.t.Context(), csr, host, host+"-1", []string{r.snap.Hosts[host].MACs[0].String()})
	check(err)
	block, _ := pem.Decode(a.cert)
	a.parsed, err = x509.ParseCertificate(block.Bytes)
	check(err)
	der, err = x509.MarshalPKCS8PrivateKey(key)
	check(err)
	a.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return a
}

// get asks for something as an agent, with a version of what it has.
func (r *testServer) get(a agentKey, w http.ResponseWriter, path, format, has string) {
	req := httptest.NewRequest("GET", path, nil)
	req.RemoteAddr = "127.0.0.1:1024"
	req.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{a.parsed}}
	if format != "" {
		req.Header.Set(catalog.FormatHeader, format)
	}
	if has != "" {
		req.Header.Set("If-None-Match", `"`+has+`"`)
	}
	r.agents.ServeHTTP(w, req)
}

func (r *testServer) got(a agentKey, path, format, has string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r.get(a, w, path, format, has)
	return w
}

// roles of a test are the same resources for each host.
type roles struct {
	resources []catalog.Resource
	contents  []string
	checks    []catalog.Check // on the host
	broken    error
}

func (r *roles) Compile(h *inventory.Host, _ string, secret func(string) (string, error), facts map[string]any) (*role.Compiled, error) {
	if r.broken != nil {
		return nil, r.broken
	}
	c := catalog.Catalog{Host: h.Name, Role: h.Role()}
	for _, res := range r.resources {
		if res.File != nil {
			f := *res.File
			if name, ok := strings.CutPrefix(f.Content, "secret:"); ok {
				value, err := secret(name)
				if err != nil {
					return nil, err
				}
				f.Content, f.Sensitive = value, true
			}
			if name, ok := strings.CutPrefix(f.Content, "fact:"); ok {
				f.Content = fmt.Sprint(facts[name])
			}
			res.File = &f
		}
		c.Resources = append(c.Resources, res)
	}
	var err error
	if c.Version, err = catalog.Version(c.Resources); err == nil {
		c, err = c.WithChecks(r.checks)
	}
	return &role.Compiled{Catalog: c, Checks: r.checks}, err
}

func (r *roles) Broken(*inventory.Host) bool { return false }
func (r *roles) Contents() []string          { return r.contents }

// ownCatalogs are the appliance's own, over roles of a test.
type ownCatalogs struct {
	*catalogs.Catalogs
	store  *content.Store
	secret func(string) (string, error)
}

func (c *ownCatalogs) Catalog(h *inventory.Host) (*catalogs.Made, error) { return c.Of(h, c.secret) }

func (c *ownCatalogs) Content(sum string) (*os.File, error) { return c.store.Open(sum) }

// withRoles gives the hosts of the test server roles.
func (r *testServer) withRoles() *ownCatalogs {
	r.t.Helper()
	store, err := content.Open(filepath.Join(r.t.TempDir(), "content"), catalog.MaxContent, 1<<40, time.Now)
	if err != nil {
		r.t.Fatal(err)
	}
	own := &ownCatalogs{Catalogs: catalogs.New("", store.Retain, factsIn{r}), store: store, secret: func(name string) (string, error) { return "value of " + name, nil }}
	for _, h := range r.snap.Hosts {
		h.Roles = []string{"web"}
	}
	r.options.Catalogs = own
	r.serve()
	return own
}

func (r *testServer) put(own *ownCatalogs, roles *roles) {
	r.t.Helper()
	if err := own.Put(r.snap, roles); err != nil {
		r.t.Fatal(err)
	}
}

func declared(path, content string) catalog.Resource {
	return catalog.Resource{ID: catalog.ID(catalog.KindFile, path), File: &catalog.File{Path: path, Ensure: catalog.FileKind, Content: content}}
}

// added puts a file of this size into the store, and declares it.
func (c *ownCatalogs) added(t *testing.T, path string, size int64) (catalog.Resource, string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(name, []byte("\xff"+path), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := c.store.Add(f)
	if err != nil {
		t.Fatal(err)
	}
	return catalog.Resource{ID: catalog.ID(catalog.KindFile, path), File: &catalog.File{Path: path, Ensure: catalog.FileKind, SHA256: got.SHA256, Size: got.Size}}, name
}

// TestOwnContentsOnly: an agent is given the contents and secrets that its own catalog names,
// and the same answer for all others, whether they are there or not.
func TestOwnContentsOnly(t *testing.T) {
	r := newTestServer(t)
	own := r.withRoles()
	binary, source := own.added(t, "/etc/key.der", 300)
	hash := "$6$salt$value.of.a.hash"
	login := catalog.Resource{ID: "user[deploy]", User: &catalog.User{Name: "deploy", Ensure: catalog.Present, Password: hash}}
	r.put(own, &roles{contents: []string{binary.File.SHA256}, resources: []catalog.Resource{declared("/etc/motd", "hello\n"), binary, declared("/etc/a b/%41?", "secret:one"), login}})
	web1, web2 := r.certified("web1"), r.certified("web2")
	w := r.got(web1, "/v1/catalog", "2", "")
	r.want(w, 200)
	got, err := catalog.Decode(w.Body.Bytes())
	if err != nil || got.Format != 2 || got.Validate() != nil || strings.Contains(w.Body.String(), "value") {
		t.Fatalf("%s, %v", w.Body, err)
	}
	r.want(r.got(web1, "/v1/catalog", "2", got.Version), 304)
	for path, want := range map[string]string{
		catalog.ContentPath + catalog.Sum("hello\n"): "hello\n", catalog.SecretsPath + "/etc/a%20b/%2541%3F": "value of one",
		catalog.SecretOf("user[deploy]"): hash, catalog.SecretOf("user%5Bdeploy%5D"): hash,
	} {
		if w := r.got(web1, path, "", ""); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
	// The operator edits the file: what the catalog names is what is given.
	if err := os.WriteFile(source, []byte("edited"), 0o600); err != nil {
		t.Fatal(err)
	}
	bytes := r.got(web1, catalog.ContentPath+binary.File.SHA256, "", "").Body.String()
	if catalog.Sum(bytes) != binary.File.SHA256 || len(bytes) != 300 {
		t.Errorf("%d other bytes came", len(bytes))
	}
	// Between two versions, an agent may go on with the one that it was given.
	r.put(own, &roles{resources: []catalog.Resource{declared("/etc/motd", "other\n")}})
	for sum, want := range map[string]int{binary.File.SHA256: 200, catalog.Sum("hello\n"): 200, catalog.Sum("other\n"): 200} {
		r.want(r.got(web1, catalog.ContentPath+sum, "", ""), want)
	}
	r.want(r.got(web1, "/v1/catalog", "2", ""), 200)
	refused := ""
	for _, path := range []string{
		catalog.ContentPath + binary.File.SHA256, catalog.ContentPath + catalog.Sum("hello\n"), catalog.ContentPath + catalog.Sum("nothing"),
		catalog.ContentPath + "x", catalog.ContentPath + "..%2f..%2fstate.db", catalog.SecretsPath + "/etc/motd", catalog.SecretsPath + "/etc/shadow", catalog.SecretsPath + "/",
		catalog.SecretOf("user[root]"), catalog.SecretOf("user[deploy]"), catalog.SecretOf(""), catalog.SecretOf("file[/etc/motd]"),
	} {
		w := r.got(web1, path, "", "")
		if w.Code != 404 || refused != "" && w.Body.String() != refused {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		refused = w.Body.String()
	}
	if w := httptest.NewRecorder(); true {
		req := httptest.NewRequest("GET", catalog.ContentPath+catalog.Sum("other\n"), nil)
		r.agents.ServeHTTP(w, req) // without a certificate
		r.want(w, 403)
	}
	r.want(r.got(web2, catalog.ContentPath+catalog.Sum("hello\n"), "", ""), 404) // it was never given that one
	// Nothing names the content any more.
	r.put(own, &roles{resources: []catalog.Resource{declared("/etc/motd", "other\n")}})
	if _, err := own.store.Open(binary.File.SHA256); err == nil {
		t.Error("a content that no catalog names is still there")
	}
}

// TestLastCatalogStays: a catalog that can't be made leaves the host with its last one, and an
// event says why; a host that has none is told to come again.
func TestLastCatalogStays(t *testing.T) {
	r := newTestServer(t)
	own := r.withRoles()
	r.put(own, &roles{resources: []catalog.Resource{declared("/etc/motd", "hello\n")}})
	web1, web2 := r.certified("web1"), r.certified("web2")
	w := r.got(web1, "/v1/catalog", "2", "")
	r.want(w, 200)
	version := strings.Trim(w.Header().Get("ETag"), `"`)
	r.put(own, &roles{broken: errors.New("roles/web.yaml:3:5: no such secret")})
	r.want(r.got(web1, "/v1/catalog", "2", version), 304)
	if again := r.got(web1, "/v1/catalog", "2", ""); again.Code != 200 || again.Body.String() != w.Body.String() {
		t.Errorf("%d %s", again.Code, again.Body)
	}
	r.want(r.got(web1, catalog.ContentPath+catalog.Sum("hello\n"), "", ""), 200)
	r.want(r.got(web2, "/v1/catalog", "2", ""), 503)
	for _, host := range []string{"web1", "web2"} {
		if r.count(host, "catalog") != 1 {
			t.Errorf("%s: %d events", host, r.count(host, "catalog"))
		}
	}
}

// TestFlatMemory: a content of 100 MB passes through the appliance in small pieces.
func TestFlatMemory(t *testing.T) {
	r := newTestServer(t)
	own := r.withRoles()
	big, _ := own.added(t, "/srv/big", 100<<20)
	r.put(own, &roles{contents: []string{big.File.SHA256}, resources: []catalog.Resource{big}})
	web1 := r.certified("web1")
	r.want(r.got(web1, "/v1/catalog", "2", ""), 200)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w := &counting{header: http.Header{}}
	r.get(web1, w, catalog.ContentPath+big.File.SHA256, "", "")
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; w.code != 200 || w.bytes != 100<<20 || took > 4<<20 {
		t.Errorf("%d, %d bytes, %d allocated", w.code, w.bytes, took)
	}
}

// counting is a writer that keeps nothing.
type counting struct {
	header http.Header
	code   int
	bytes  int
}

func (w *counting) Header() http.Header  { return w.header }
func (w *counting) WriteHeader(code int) { w.code = code }
func (w *counting) Write(b []byte) (int, error) {
	w.bytes += len(b)
	return len(b), nil
}

// reported sends the report of a run without changes.
func (r *testServer) reported(a agentKey) {
	r.t.Helper()
	req := httptest.NewRequest("POST", "/v1/report", strings.NewReader(`{"status":"ok"}`))
	req.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{a.parsed}}
	w := httptest.NewRecorder()
	r.agents.ServeHTTP(w, req)
	r.want(w, 204)
}

// TestFirstFormat: an agent that states nothing is given the catalog as it always was; one
// that it can't be given, it is kept from, and the host says so with a command.
func TestFirstFormat(t *testing.T) {
	r := newTestServer(t)
	own := r.withRoles()
	plain := &roles{resources: []catalog.Resource{declared("/etc/motd", "hello <&>\n"), declared("/etc/empty", ""), declared("/etc/key", "secret:one")}}
	r.put(own, plain)
	web1, web2 := r.certified("web1"), r.certified("web2")
	w := r.got(web1, "/v1/catalog", "", "")
	const want = `{"host":"web1","role":"web","version":"%s","resources":[{"id":"file[/etc/motd]","file":{"path":"/etc/motd","ensure":"file","content":"hello \u003c\u0026\u003e\n"},"source":""},` +
		`{"id":"file[/etc/empty]","file":{"path":"/etc/empty","ensure":"file"},"source":""},{"id":"file[/etc/key]","file":{"path":"/etc/key","ensure":"file","content":"value of one","sensitive":true},"source":""}]}` + "\n"
	version := strings.Trim(w.Header().Get("ETag"), `"`)
	if w.Code != 200 || w.Body.String() != fmt.Sprintf(want, version) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, format := range []string{"", "1", "0", "x"} {
		r.want(r.got(web1, "/v1/catalog", format, version), 304)
	}
	for name, more := range map[string]catalog.Resource{
		"binary":             {ID: "file[/x]", File: &catalog.File{Path: "/x", Ensure: catalog.FileKind, SHA256: catalog.Sum("\xff"), Size: 1}},
		"not UTF-8":          declared("/x", "\xff"),
		"for the first boot": {ID: "file[/x]", File: &catalog.File{Path: "/x", Ensure: catalog.FileKind}, OnlyOn: []string{catalog.FirstBoot}},
		"a later kind":       {ID: "group[x]", Group: &catalog.Group{Name: "x", Ensure: catalog.Present}},
		"over-large":         declared("/x", strings.Repeat("x", catalog.OldMaxSize)),
		"a link":             {ID: "file[/x]", File: &catalog.File{Path: "/x", Ensure: catalog.Link, Target: "/y"}},
		"a purge":            {ID: "file[/x/y]", File: &catalog.File{Path: "/x/y", Ensure: catalog.Directory, Purge: true}},
		"a hold":             {ID: "package[x]", Package: &catalog.Package{Name: "x", Ensure: catalog.Latest}},
	} {
		r.put(own, plain)
		r.want(r.got(web1, "/v1/catalog", "", ""), 200)
		r.put(own, &roles{resources: append([]catalog.Resource{more}, plain.resources...)})
		if w := r.got(web1, "/v1/catalog", "", version); w.Code != 304 || w.Header().Get("ETag") != `"`+version+`"` {
			t.Errorf("%s, of an agent with a catalog: %d %s", name, w.Code, w.Body)
		}
		if w := r.got(web1, "/v1/catalog", "", ""); w.Code != 200 || w.Body.String() != fmt.Sprintf(want, version) {
			t.Errorf("%s, of an agent without: %d %.200s", name, w.Code, w.Body)
		}
		// This one was never given any.
		if w := r.got(web2, "/v1/catalog", "", ""); w.Code != 426 || !strings.Contains(w.Body.String(), "agent too old: the role needs a newer one, since ") {
			t.Errorf("%s, of another host: %d %.200s", name, w.Code, w.Body)
		}
		r.reported(web1)
		if notes := r.journal.Hosts()["web1"].Agent.Notes(r.clock()); len(notes) != 1 || !strings.HasPrefix(notes[0], "agent too old: ") || !strings.Contains(notes[0], "on the host, run: ") && !strings.Contains(notes[0], "rackhand install") {
			t.Errorf("%s: it is shown as %q", name, notes)
		}
		r.want(r.got(web1, "/v1/catalog", "2", ""), 200)
		r.reported(web1)
		if a := r.journal.Hosts()["web1"].Agent; !a.Plain() {
			t.Errorf("%s: upgraded, it is %+v", name, a)
		}
	}
	if b, err := bootfiles.Payload(bootfiles.PayloadAgent, inventory.ArchAMD64); err == nil {
		if w := r.got(web1, catalog.ContentPath+catalog.Sum(string(b)), "", ""); w.Code != 200 || w.Body.Len() != len(b) {
			t.Errorf("the agent itself: %d", w.Code)
		}
	}
}
