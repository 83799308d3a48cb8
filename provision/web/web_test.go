package web_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"debug/elf"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"rackhand/bootfiles"
	"rackhand/bootfiles/image"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/catalog"
)

const (
	web1MAC = "52:54:00:00:00:01"
	web2MAC = "52:54:00:00:00:02"
)

var tokenIn = regexp.MustCompile(`inst\.ks=http://10\.77\.0\.1/i/([A-Za-z0-9_-]+)/ks`)

func TestInstallOverTheWire(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	w := r.ask(r.boot, "10.77.0.11", "HEAD", "/image/debian12/initrd.img", "")
	r.want(w, 200)
	if w.Header().Get("Content-Length") != "18" {
		t.Errorf("HEAD says %s bytes", w.Header().Get("Content-Length"))
	}
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/image/debian12/initrd.img", ""), 200)
	if in, _ := r.journal.Install("web1"); in.Stage != provision.Kernel {
		t.Errorf("after the initrd it is at %s", in.Stage)
	}
	w = r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", "")
	r.want(w, 200)
	ks := w.Body.String()
	for _, want := range []string{"liveimg --url=http://10.77.0.1/image/debian12/root.tar.zst --checksum=", "--ip=10.77.0.11 --netmask=255.255.255.0", `"host": "web1"`, "wipefs", "http://10.77.0.1/mirror/debian"} {
		if !strings.Contains(ks, want) {
			t.Errorf("the Kickstart lacks %q", want)
		}
	}
	// A connection that broke, an interface more: asked for again, it is given again.
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", ""), 200)
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"installer","kind":"started","message":"here"}`), 204)
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", ""), 403)
	r.wantEvent("web1", "answer-late")
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ca.pem", ""), 200)
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"installed","message":"done"}`), 204)
	in, _ := r.journal.Install("web1")
	if in.Armed || in.Stage != provision.Installed {
		t.Errorf("after installed: armed %v, at %s", in.Armed, in.Stage)
	}
	// What boots from the network now gets its disk.
	if w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, ""); !strings.Contains(w.Body.String(), "sanboot") {
		t.Errorf("an installed box gets %s", w.Body)
	}
}

func TestTokensAreBound(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	for _, path := range []string{"/ks", "/agent", "/ca.pem"} {
		r.want(r.ask(r.boot, "10.77.0.99", "GET", "/i/"+token+path, ""), 403)
		r.want(r.ask(r.boot, "10.77.0.12", "GET", "/i/"+token+path, ""), 403)
		r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+strings.Repeat("A", 32)+path, ""), 403)
	}
	r.want(r.ask(r.boot, "10.77.0.12", "POST", "/i/"+token+"/event", `{"stage":"failed"}`), 403)
	r.wantEvent("web1", "token-refused")
	// Another box's MAC, from an address that is not leased to it.
	r.want(r.ask(r.boot, "10.77.0.12", "GET", "/boot/ipxe?mac="+web1MAC, ""), 403)
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac=nonsense", ""), 400)
	// A second script makes the first token worthless.
	second := r.script(web1MAC, "10.77.0.11")
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", ""), 403)
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+second+"/ks", ""), 200)
	// A cancelled install's token is worth nothing.
	if err := r.journal.Record(provision.Event{Host: "web1", Source: "operator", Kind: "cancelled", Stage: provision.Cancelled, Message: "no"}); err != nil {
		t.Fatal(err)
	}
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+second+"/ks", ""), 403)
	events, err := r.journal.Events(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if b, _ := json.Marshal(e); strings.Contains(string(b), token) || strings.Contains(string(b), second) {
			t.Errorf("a token stands in the journal: %s", b)
		}
	}
}

func TestAttemptsAreSpent(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	for range 3 {
		r.script(web1MAC, "10.77.0.11")
	}
	if w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, ""); strings.Contains(w.Body.String(), "inst.ks") {
		t.Error("a fourth attempt of three")
	}
}

func TestInstallerMayNotReportEverything(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	post := func(body string) *httptest.ResponseRecorder {
		return r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", body)
	}
	for _, body := range []string{`{"stage":"serving"}`, `{"stage":"cancelled"}`, `{"level":"loud"}`, `{"kind":"attempt"}`, `{"kind":"log-tail"}`, `[]`, `{`, ``} {
		r.want(post(body), 400)
	}
	r.want(post(`{"message":"`+strings.Repeat("x", 1<<20)+`"}`), 413)
	if in, _ := r.journal.Install("web1"); in.Stage != provision.Script {
		t.Errorf("it is at %s", in.Stage)
	}
}

func TestMissingImageIsNotReady(t *testing.T) {
	r := newTestServer(t)
	r.snap.Hosts["web1"].System = &inventory.System{Name: "other", Installer: inventory.InstallerImage, Image: "other"}
	r.arm("web1")
	w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "")
	r.want(w, 503)
	if w.Header().Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	if f := r.awaitKinds("web1", "no-image", 1)[0].Fields; f["lacks"] != provision.LacksImage || f["name"] != "other" {
		t.Errorf("fields %v", f)
	}
}

func TestNoWayOutOfTheFolders(t *testing.T) {
	r := newTestServer(t)
	for _, path := range []string{"/image/debian12/manifest.json", "/image/..%2f..%2fetc/passwd", "/image/debian12/..%2fdebian12%2fvmlinuz", "/boot/file/..%2f..%2fpasswd", "/image/x/y"} {
		if w := r.ask(r.boot, "10.77.0.11", "GET", path, ""); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestImageFiles: of an image, boxes get what they need of it.
func TestImageFiles(t *testing.T) {
	r := newTestServer(t)
	for file, code := range map[string]int{
		image.KernelFile: 200, image.InitrdFile: 200, image.RootFile: 200,
		image.PackagesFile: 404, image.BaseFile: 404, image.ManifestFile: 404, "root.tar": 404,
	} {
		r.want(r.ask(r.boot, "10.77.0.99", "GET", "/image/debian12/"+file, ""), code)
	}
}

func TestEnrolment(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	w := r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", "")
	r.want(w, 200)
	enrol := regexp.MustCompile(`(?m)^[A-Za-z0-9_-]{32}$`).FindString(w.Body.String())
	if enrol == "" {
		t.Fatal("no enrolment token in the answer file")
	}
	csr := func(host string) string {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: host}}, key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	}
	body := func(q catalog.EnrolRequest) string {
		b, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	good := body(catalog.EnrolRequest{Host: "web1", Token: enrol, CSR: csr("web1")})
	r.want(r.ask(r.agents, "10.77.0.11", "POST", "/v1/enrol", good), 403) // not installed yet
	// What anybody may send is bounded before anybody is known.
	r.want(r.ask(r.agents, "10.77.0.11", "POST", "/v1/enrol", strings.Repeat(" ", 32<<10)+good), 413)
	for _, s := range []string{"installer", "installed"} {
		r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"`+s+`"}`), 204)
	}
	r.want(r.ask(r.agents, "10.77.0.11", "GET", "/v1/time", ""), 200)
	if in, _ := r.journal.Install("web1"); in.Stage != provision.Booted {
		t.Errorf("after the time was asked for it is at %s", in.Stage)
	}
	r.want(r.ask(r.agents, "10.77.0.12", "POST", "/v1/enrol", good), 403)
	r.want(r.ask(r.agents, "10.77.0.11", "POST", "/v1/enrol", body(catalog.EnrolRequest{Host: "web1", Token: "wrong", CSR: csr("web1")})), 403)
	r.want(r.ask(r.agents, "10.77.0.11", "POST", "/v1/enrol", body(catalog.EnrolRequest{Host: "web1", Token: enrol, CSR: csr("web2")})), 400)
	wrong := body(catalog.EnrolRequest{Host: "web1", Token: "wrong", CSR: csr("web1")})
	for range 100 {
		r.want(r.ask(r.agents, "10.77.0.11", "POST", "/v1/enrol", wrong), 403) // uses nothing up
	}
	r.want(r.ask(r.agents, "10.77.0.11", "POST", "/v1/enrol", good), 200)
	r.want(r.ask(r.agents, "10.77.0.11", "POST", "/v1/enrol", good), 200) // its answer was lost
	r.want(r.ask(r.agents, "10.77.0.11", "POST", "/v1/enrol", body(catalog.EnrolRequest{Host: "web1", Token: enrol, CSR: csr("web1")})), 403)
	r.wantEvent("web1", "enrol-refused")
	r.want(r.ask(r.agents, "10.77.0.11", "GET", "/v1/catalog", ""), 403) // no certificate
}

// TestAgentOfAnotherProcessor: a host gets the agent for its processor, and never another one.
func TestAgentOfAnotherProcessor(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	r.snap.Hosts["web1"].System = &inventory.System{Name: "arm", Installer: inventory.InstallerImage, Image: "debian12", Arch: inventory.ArchARM64}
	w := r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/agent", "")
	switch agent, err := bootfiles.Payload(bootfiles.PayloadAgent, inventory.ArchARM64); {
	case err != nil: // a plain go build
		r.want(w, 503)
		r.wantEvent("web1", "no-agent")
	case w.Code != 200 || !bytes.Equal(w.Body.Bytes(), agent) || elfMachine(t, w.Body.Bytes()) != elf.EM_AARCH64:
		t.Errorf("%d, %d bytes; want 200 and the %d bytes of the arm64 agent", w.Code, w.Body.Len(), len(agent))
	}
}

func elfMachine(t *testing.T, program []byte) elf.Machine {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	return f.Machine
}
