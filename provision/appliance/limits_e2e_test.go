//go:build e2e

package appliance_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/dhcp"
	"rackhand/provision/janitor/space"
	"rackhand/provision/journal"
	"rackhand/provision/pki"
	"rackhand/provision/store"
)

// envFlood is the file of the floodOrder by which the test binary, run again in the
// attacker's namespace, attacks.
const envFlood = "RACKHAND_LIMITS_E2E_FLOOD"

// A floodOrder is what the attacker has: the certificates of web1's agent and of web2's,
// which is the only one to behave, and the token of web3's installer.
type floodOrder struct {
	CA, Web1, Web2, Token string
}

// A flooded is how often each answer was given, and how often web2 was answered 204.
type flooded struct {
	Answers map[string]int
	Web2    int
}

// What the attack is, and what may come of it.
const (
	floodReports  = 40
	floodSmall    = 300
	floodEvents   = 1500
	floodTFTP     = 4000
	floodSources  = 3000
	goodReports   = 10
	floodDatabase = 10 << 20
	floodMemory   = 150 << 10 // KiB
)

// TestFlooded: an enrolled agent that sends too much, too often, and all at once, thousands
// of forged TFTP senders, and an installer that won't stop. Database, events and memory
// stay bounded, and another host loses nothing.
func TestFlooded(t *testing.T) {
	ns, dir := startNamespace(t, nil)
	attacker := space.New(t, "flood")
	for _, line := range []string{
		"-n " + ns + " link set switch netns " + attacker,
		"-n " + ns + " addr add 10.77.0.1/20 dev eth1", "-n " + ns + " link set eth1 up",
		"-n " + attacker + " link set switch address 52:54:00:00:00:03 up",
		"-n " + attacker + " addr add 10.77.0.11/20 dev switch", "-n " + attacker + " addr add 10.77.0.12/20 dev switch", "-n " + attacker + " addr add 10.77.0.13/20 dev switch",
		// All of them stand behind one neighbour: the kernel's table of neighbours is the whole machine's.
		"-n " + ns + " route add 10.77.4.0/22 via 10.77.0.11", "-n " + ns + " route add 10.77.8.0/21 via 10.77.0.11",
		"-n " + attacker + " route add local 10.77.4.0/22 dev lo", "-n " + attacker + " route add local 10.77.8.0/21 dev lo",
	} {
		sh(t, append([]string{"ip"}, strings.Fields(line)...)...)
	}
	file("inventory/rack.yaml", `networks:
  rack1: {subnet: 10.77.0.0/20}
hosts:
  web1: {mac: "52:54:00:00:00:01", address: 10.77.0.11}
  web2: {mac: "52:54:00:00:00:02", address: 10.77.0.12}
  web3: {mac: "52:54:00:00:00:03", address: 10.77.0.13}
`)(t, ns, dir)
	db := filepath.Join(dir, "state", "rackhand.db")
	order := prepareFlood(t, dir)

	var said lines
	cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", ns, program(t), "serve", "--config", filepath.Join(dir, "rackhand.yaml"))
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); !strings.Contains(said.String(), "rackhand serves"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it doesn't serve:\n%s", said.String())
		}
	}
	got := attack(t, attacker, order)
	memory := peakMemory(t, cmd.Process.Pid)
	st, err := os.Stat(db)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, said.String())
	}
	t.Logf("answers %v; %d KiB of memory, %d KiB of database", got.Answers, memory, st.Size()>>10)
	if memory > floodMemory {
		t.Errorf("it took %d KiB of memory, of at most %d", memory, floodMemory)
	}
	if st.Size() > floodDatabase {
		t.Errorf("the database has %d bytes, of at most %d", st.Size(), floodDatabase)
	}
	if got.Web2 != goodReports {
		t.Errorf("%d of %d reports of web2 were taken", got.Web2, goodReports)
	}
	if a := got.Answers; a["large 204"] > 0 || a["large 413"] == 0 || a["bomb 204"] > 0 || a["small 204"] > 60 || a["small 429"] == 0 {
		t.Errorf("answers %v", a)
	}
	checkFlooded(t, db)
}

// checkFlooded looks at what the attack has left in the journal.
func checkFlooded(t *testing.T, db string) {
	t.Helper()
	s, err := store.OpenBolt(db)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	j, err := journal.Open(t.Context(), s, time.Now, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	count := func(host, kind string) (n int) {
		events, err := j.Events(t.Context(), host, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Kind == kind && e.Host == host {
				n++
			}
		}
		return n
	}
	if n := count("", "script-refused"); n == 0 || n > provision.FloodMost+5 { // a few more within some seconds
		t.Errorf("%d forged senders left %d events", floodSources, n)
	}
	if n := count("web2", "converge-failed"); n != goodReports {
		t.Errorf("%d of %d events of web2 are there", n, goodReports)
	}
	if n := count("web1", "over-limit"); n < 2 || n > 3 {
		t.Errorf("%d events tell that web1 sent too much", n)
	}
	if n := count("web3", "anything"); n == 0 || n > 900 { // 2 MiB of them
		t.Errorf("web3's installer left %d of %d events", n, floodEvents)
	}
}

// prepareFlood gives the state folder a CA, two agents that have enrolled, and a host
// whose installer runs.
func prepareFlood(t *testing.T, dir string) floodOrder {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.MkdirAll(filepath.Join(dir, "state"), 0o700))
	s, err := store.OpenBolt(filepath.Join(dir, "state", "rackhand.db"))
	check(err)
	defer s.Close()
	ca, err := pki.Open(filepath.Join(dir, "state", "ca"), netip.MustParseAddr("10.77.0.1"), s, rand.Reader, time.Now)
	check(err)
	order := floodOrder{CA: string(ca.CA())}
	for host, to := range map[string]*string{"web1": &order.Web1, "web2": &order.Web2} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		check(err)
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: host}}, key)
		check(err)
		csr, err := pki.ParseCSR(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), host)
		check(err)
		cert, err := ca.Sign(t.Context(), csr, host, "", nil)
		check(err)
		private, err := x509.MarshalPKCS8PrivateKey(key)
		check(err)
		*to = string(cert) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	}
	j, err := journal.Open(t.Context(), s, time.Now, nil, slog.New(slog.DiscardHandler))
	check(err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	defer func() { stop(); <-done }()
	_, err = j.Arm(journal.Request{Host: "web3", MACs: []string{"52:54:00:00:00:03"}, Budget: provision.Budget{Attempts: 3, Time: time.Hour}, Expires: time.Hour, Source: "operator", Why: "asked for"})
	check(err)
	in, token, err := j.BeginAttempt("web3", rand.Reader)
	check(err)
	check(j.Reported(in, provision.Event{Source: "installer", Kind: "progress", Stage: provision.Installer}))
	order.Token = token
	lease, err := json.Marshal(provision.Lease{MAC: "52:54:00:00:00:03", Address: "10.77.0.13", Host: "web3", Since: j.Counted(), Expires: j.Counted().Add(time.Hour)})
	check(err)
	_, err = s.Txn(t.Context(), nil, store.Op{Key: dhcp.LeasePrefix + "52:54:00:00:00:03", Value: lease})
	check(err)
	return order
}

// attack runs the test binary as the attacker, and returns what it was answered.
func attack(t *testing.T, ns string, order floodOrder) (got flooded) {
	t.Helper()
	b, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "order")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", ns, "env", envFlood+"="+path, self)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &got)
	}
	if err != nil {
		t.Fatalf("the attacker: %v: %.500s", err, out)
	}
	return got
}

// peakMemory is the most memory that a process had, in KiB.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		t.Fatal("/proc/PID/status has no VmHWM")
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// flood is the attacker: the test binary's other program.
func flood(path string) error {
	b, err := os.ReadFile(path)
	var o floodOrder
	if err == nil {
		err = json.Unmarshal(b, &o)
	}
	if err != nil {
		return err
	}
	var mu sync.Mutex
	got := flooded{Answers: map[string]int{}}
	count := func(what string, status int) {
		mu.Lock()
		defer mu.Unlock()
		got.Answers[fmt.Sprint(what, " ", status)]++
	}
	web1, err := o.agent("10.77.0.11", o.Web1)
	if err != nil {
		return err
	}
	web2, err := o.agent("10.77.0.12", o.Web2)
	if err != nil {
		return err
	}
	const reports = "https://10.77.0.1:8443/v1/report"
	frame := `{"status":"failed","results":[%s{"id":"a","status":"failed","message":"%s"}]}`
	large := []byte(fmt.Sprintf(frame, "", strings.Repeat("x", 3800<<10)))
	bomb := []byte(fmt.Sprintf(frame, strings.Repeat("{},", 340000), ""))
	small := []byte(fmt.Sprintf(frame, "", "no network"))
	event := []byte(fmt.Sprintf(`{"kind":"anything","message":%q,"fields":{"a":%q}}`, strings.Repeat("y", 8000), strings.Repeat("z", 7000)))

	var all, web2s sync.WaitGroup
	var next atomic.Int64
	for range floodReports {
		all.Go(func() { count("large", post(web1, reports, large)) })
	}
	for range floodReports / 2 { // as many of them are within the hour's, and all the rest
		all.Go(func() { count("bomb", post(web1, reports, bomb)) })
	}
	web2s.Go(func() {
		for range goodReports {
			if post(web2, reports, small) == http.StatusNoContent {
				got.Web2++
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	installer := httpFrom("10.77.0.13", nil)
	for range 8 {
		all.Go(func() {
			for next.Add(1) <= floodEvents {
				count("event", post(installer, "http://10.77.0.1/i/"+o.Token+"/event", event))
			}
		})
	}
	all.Go(func() { forgeTFTP() })
	all.Wait()
	count("large", post(web1, reports, large)) // alone, so that it is read up to the limit
	for range floodSmall {
		count("small", post(web1, reports, small))
	}
	web2s.Wait()
	return json.NewEncoder(os.Stdout).Encode(got)
}

// forgeTFTP asks for another box's script from thousands of addresses.
func forgeTFTP() {
	to := &net.UDPAddr{IP: net.IPv4(10, 77, 0, 1), Port: 69}
	awaitTFTP(to)
	for i := range floodTFTP {
		n := 4<<8 + i%floodSources
		c, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(10, 77, byte(n>>8), byte(n))}, to)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		_, _ = c.Write([]byte("\x00\x01ipxe/52:54:00:00:00:02\x00octet\x00"))
		c.Close()
		if i%100 == 0 {
			time.Sleep(10 * time.Millisecond) // else the kernel drops them
		}
	}
}

// awaitTFTP returns once the server has answered: its parts start beside each other.
func awaitTFTP(to *net.UDPAddr) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(10, 77, 0, 13)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer c.Close()
	for range 100 {
		_, _ = c.WriteTo([]byte("\x00\x01snponly.efi\x00octet\x00"), to)
		_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if n, _, err := c.ReadFrom(make([]byte, 600)); err == nil && n > 0 {
			return
		}
	}
	fmt.Fprintln(os.Stderr, "TFTP was never answered")
}

func (o floodOrder) agent(from, identity string) (*http.Client, error) {
	cert, err := tls.X509KeyPair([]byte(identity), []byte(identity))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(o.CA))
	return httpFrom(from, &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}), nil
}

func httpFrom(from string, config *tls.Config) *http.Client {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 30 * time.Second}
	return &http.Client{Transport: &http.Transport{DialContext: d.DialContext, TLSClientConfig: config, MaxIdleConnsPerHost: 64}, Timeout: time.Minute}
}

// post returns the status; 0 when the connection was broken off, as for a body that
// nobody wants to read.
func post(c *http.Client, url string, body []byte) int {
	resp, err := c.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}
