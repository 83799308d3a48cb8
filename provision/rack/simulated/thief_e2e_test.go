//go:build e2e

package simulated_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pin/tftp/v3"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/janitor/space"
	"rackhand/provision/rack/simulated"
)

// The test binary is the thief too, run again in a namespace of its own: a machine on the
// same link, with a MAC of its own, that has given itself the box's address.
const envThief = "RACKHAND_SIMULATED_E2E_THIEF"

const thiefMAC = "02:00:00:00:00:99"

// A loot holds a thief's requests, with all the tokens that it could have overheard.
type loot struct {
	Token string // of the script
	Enrol string // of the answer file
}

// A taking is one answer that he got.
type taking struct {
	What string
	Code int    // of HTTP; 0: no answer
	Text string // its beginning, and what it holds that is secret
}

// thiefMain asks for everything that is handed out by address.
func thiefMain(attack []byte) error {
	var l loot
	if err := json.Unmarshal(attack, &l); err != nil {
		return err
	}
	const at = "10.77.0.1"
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := []taking{}
	take := func(what string, ask func() (int, []byte, error)) {
		wg.Go(func() {
			code, text, err := ask()
			if err != nil {
				text = append(text, err.Error()...)
			}
			mu.Lock()
			defer mu.Unlock()
			got = append(got, taking{what, code, string(text)})
		})
	}
	csr, err := certificateRequest("web1")
	if err != nil {
		return err
	}
	take("script", request("GET", "http://"+at+"/boot/ipxe?mac="+boxMAC, nil))
	take("menu", request("GET", "http://"+at+"/grub/grub.cfg", nil))
	take("script by TFTP", download(at, "ipxe/"+boxMAC))
	take("menu by TFTP", download(at, "grub/grub.cfg"))
	take("answer file", request("GET", "http://"+at+"/i/"+l.Token+"/ks", nil))
	take("time", request("GET", "https://"+at+":8443/v1/time", nil))
	take("certificate", request("POST", "https://"+at+":8443/v1/enrol", catalog.EnrolRequest{Host: "web1", Token: l.Enrol, CSR: csr}))
	take("log", func() (int, []byte, error) {
		c, err := net.DialTimeout("tcp", at+":514", 6*time.Second)
		if err != nil {
			return 0, nil, err
		}
		defer c.Close()
		_, err = io.WriteString(c, "<13>Jan  1 00:00:00 web1 anaconda: packaging: Post installation setup phase started.\n")
		return 0, nil, err
	})
	wg.Wait()
	return json.NewEncoder(os.Stdout).Encode(got)
}

// request sends a request with a body of JSON when it is called, and returns the answer.
func request(method, url string, body any) func() (int, []byte, error) {
	return func() (int, []byte, error) {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		req, err := http.NewRequest(method, url, bytes.NewReader(b))
		if err != nil {
			return 0, nil, err
		}
		client := &http.Client{Timeout: 6 * time.Second, Transport: &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		}}
		res, err := client.Do(req)
		if err != nil {
			return 0, nil, err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return res.StatusCode, text, err
	}
}

// download fetches a file by TFTP when it is called.
func download(server, name string) func() (int, []byte, error) {
	return func() (int, []byte, error) {
		c, err := tftp.NewClient(server + ":69")
		if err != nil {
			return 0, nil, err
		}
		c.SetTimeout(2 * time.Second)
		c.SetRetries(1)
		r, err := c.Receive(name, "octet")
		if err != nil {
			return 0, nil, err
		}
		var text bytes.Buffer
		_, err = r.WriteTo(&text)
		return 200, text.Bytes(), err
	}
}

func certificateRequest(name string) (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		return "", err
	}
	der, err := x509.CreateCertificateRequest(crand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), err
}

// A thief is one with his namespace, on the rack's link.
type thief struct {
	*testRack
	ns string
}

func (r *testRack) thief() *thief {
	r.t.Helper()
	h := &thief{r, space.New(r.t, "thief")}
	r.ip("link", "add", "port9", "type", "veth", "peer", "name", "evil", "netns", h.ns)
	r.ip("link", "set", "port9", "master", "br0", "up")
	r.ip("-n", h.ns, "link", "set", "evil", "address", thiefMAC)
	return h
}

func (r *testRack) ip(args ...string) {
	r.t.Helper()
	if out, err := r.rack.CommandBeside(r.t.Context(), "ip", args...).CombinedOutput(); err != nil {
		r.t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// steal takes web1's address, asks for everything, and gives the address up again. No answer
// may hold a secret, or a way to one.
func (h *thief) steal(when string, l loot) {
	h.t.Helper()
	h.ip("-n", h.ns, "addr", "add", "10.77.0.11/24", "dev", "evil")
	h.ip("-n", h.ns, "link", "set", "evil", "up")
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	args, err := json.Marshal(l)
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.CommandContext(h.t.Context(), "ip", "netns", "exec", h.ns, self)
	cmd.Env, cmd.Stderr = append(os.Environ(), envThief+"="+string(args)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatalf("%s: the thief: %v", when, err)
	}
	var got []taking
	if err := json.Unmarshal(out, &got); err != nil {
		h.t.Fatal(err)
	}
	for _, x := range got {
		h.t.Logf("%s: the thief asked for the %s: %d %.100q", when, x.What, x.Code, x.Text)
		if secret := regexp.MustCompile(`inst\.ks=|rootpw|rackhand\.report|BEGIN CERTIFICATE`).FindString(x.Text); secret != "" {
			h.t.Errorf("%s: the thief got the %s: %d, with %q", when, x.What, x.Code, secret)
		}
	}
	// He goes, and the box has to find its way again: it asks by ARP who we are.
	h.ip("-n", h.ns, "link", "set", "evil", "down")
	h.ip("-n", h.ns, "addr", "flush", "dev", "evil")
	h.ip("neigh", "flush", "dev", h.link)
}

// overheard are the tokens that lie on a box that has come to a pause.
func (r *testRack) overheard() loot {
	r.t.Helper()
	var l loot
	text, err := os.ReadFile(filepath.Join(r.dir, "paused"))
	if err != nil {
		r.t.Fatal(err)
	}
	if m := regexp.MustCompile(`/i/([^/]+)/ks`).FindSubmatch(text); m != nil {
		l.Token = string(m[1])
	}
	found, _ := filepath.Glob(filepath.Join(r.dir, "simulated-root-*/mnt/sysimage/etc/rackhand/enrol-token"))
	for _, f := range found {
		if text, err := os.ReadFile(f); err == nil {
			l.Enrol = strings.TrimSpace(string(text))
		}
	}
	if l.Token == "" {
		r.t.Fatalf("no token in %q", text)
	}
	return l
}

// paused forgets a pause, for the next one.
func (r *testRack) paused() {
	r.t.Helper()
	for _, name := range []string{"paused", "paused.go"} {
		if err := os.Remove(filepath.Join(r.dir, name)); err != nil && !os.IsNotExist(err) {
			r.t.Fatal(err)
		}
	}
}

// TestThief: a machine with a MAC of its own takes web1's address, at every stage of its
// install, with web1 there, mute and off, and knows every token. It gets no script, no
// answer file and no certificate. web1 isn't affected: it loses its power in the middle, has
// its second attempt without the operator, and is installed.
func TestThief(t *testing.T) {
	t.Parallel()
	r := newTestRack(t)
	r.attempts(3)
	h := r.thief()
	h.steal("before its first boot", loot{})

	// It waits in its initrd: its token is good.
	off, powerOff := context.WithCancel(t.Context())
	ended := r.runToUntil(off, powered{Options: simulated.Options{PauseAt: simulated.PauseInitrd}})
	h.steal("in its initrd", r.overheard())
	r.ip("link", "set", "box1", "down")
	h.steal("in its initrd, off", r.overheard())
	powerOff()
	<-ended
	r.paused()

	// Its token is spent: packages are being installed.
	off, powerOff = context.WithCancel(t.Context())
	ended = r.runToUntil(off, powered{Options: simulated.Options{PauseAt: simulated.PausePackages}})
	if in := r.install(); in.Stage != provision.Packages || in.Attempts != 2 {
		t.Fatalf("at its packages it is %+v", in)
	}
	h.steal("at its packages", r.overheard())
	r.ip("link", "set", "box1", "down")
	h.steal("at its packages, off", r.overheard())
	powerOff()
	<-ended
	r.paused()

	// It boots again, and is installed; the agent's token lies on its disk.
	ended = r.runTo(powered{Options: simulated.Options{PauseAt: simulated.PauseEnd}, Enrols: true})
	l := r.overheard()
	if l.Enrol == "" {
		t.Fatal("no enrolment token lies on the disk")
	}
	h.steal("at its end", l)
	r.goOn()
	if res := <-ended; !res.Installed || res.Installs != 1 {
		t.Errorf("%+v", res)
	}
	h.steal("enrolled", l)

	in, events := r.install(), r.events()
	if in.Stage.Rank() < provision.Enrolled.Rank() || in.Attempts != 3 || in.Doubt != "" {
		t.Errorf("the install is %+v", in)
	}
	for _, kind := range []string{"runs-already", provision.KindQuestion, "answer-late"} {
		if len(events[kind]) > 0 {
			t.Errorf("%s: %v", kind, events[kind])
		}
	}
	if len(events[provision.KindAttempt]) != 3 || len(events["enrolled"]) != 1 || len(events["boots-again"]) != 1 {
		t.Errorf("attempts %v, enrolled %v, boots again %v", events[provision.KindAttempt], events["enrolled"], events["boots-again"])
	}
	told := events["another-mac"]
	if len(told) == 0 || told[0].Level != provision.LevelError || told[0].Fields["mac"] != thiefMAC || told[0].Fields["expected"] != boxMAC || !strings.Contains(told[0].Message, thiefMAC) || !strings.Contains(told[0].Message, boxMAC) {
		t.Errorf("of the thief was told %v", told)
	}
}
