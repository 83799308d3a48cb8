package probe

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// authority makes certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key}
	der := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a test"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(0, 0, 100),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, key)
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pem = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return a
}

func (a *authority) sign(c, parent *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

// server is a certificate for names that ends some days from now.
func (a *authority) server(days int, names ...string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(0, 0, days), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	return tls.Certificate{Certificate: [][]byte{a.sign(c, a.cert, key)}, PrivateKey: key}
}

func (a *authority) serve(cert tls.Certificate, h http.Handler) (port int) {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.StartTLS()
	a.t.Cleanup(s.Close)
	return portOf(s.Listener)
}

func portOf(l net.Listener) int {
	return int(netip.MustParseAddrPort(l.Addr().String()).Port())
}

// try runs a check from outside.
func try(t *testing.T, c catalog.Check) (string, error) {
	t.Helper()
	c.From, c.Within, c.Source = catalog.FromAppliance, 1, "roles/web.yaml:3:5"
	if c.Deadline == 0 {
		c.Deadline = 20
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	return Network{Clock: func() time.Time { return now }}.Try(t.Context(), &c)
}

// expected compares what a check says with what it should.
func expected(t *testing.T, seen string, err error, want string) {
	t.Helper()
	text := seen
	want, fails := strings.CutPrefix(want, "! ")
	if err != nil {
		text = err.Error()
	}
	if fails != (err != nil) || !strings.Contains(text, want) || len(text) > 1000 {
		t.Errorf("%q, %v; want %q", seen, err, want)
	}
}

// failed compares the way in which a check failed, if it did.
func failed(t *testing.T, err error, want string) {
	t.Helper()
	if err != nil && Result(err) != want {
		t.Errorf("%s, want %s: %v", Result(err), want, err)
	}
}

// TestHTTP: what a request says of the answer.
func TestHTTP(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.Host, r.Header.Get("Accept"), r.Header.Values("X-Two"))
	})
	mux.Handle("/away", http.RedirectHandler("http://192.0.2.1/", http.StatusFound))
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) {
		w.Write(bytes.Repeat([]byte("x"), 2<<20))
		io.WriteString(w, "end")
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	port := portOf(server.Listener)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	content := func(contains, matches string) catalog.Content {
		return catalog.Content{Contains: contains, Matches: matches}
	}
	results := map[string]string{
		"contains": ResultBody, "matches": ResultBody, "a bounded body": ResultBody,
		"status": ResultStatus, "statuses": ResultStatus, "deadline": ResultTimeout,
	}
	for _, tt := range []struct {
		name     string
		check    catalog.HTTPCheck
		deadline int
		want     string
	}{
		{"plain", catalog.HTTPCheck{Content: content("GET "+address+" ", "")}, 0, "GET http://" + address + "/ answers 200"},
		{"HEAD", catalog.HTTPCheck{Method: "HEAD"}, 0, "HEAD http://" + address + "/ answers 200"},
		{"host", catalog.HTTPCheck{Host: "www.example.com", Content: content("", "^GET www[.]example[.]com ")}, 0, "answers 200"},
		{"host, IPv6", catalog.HTTPCheck{Host: "fd00::1", Content: content("GET [fd00::1] ", "")}, 0, "answers 200"},
		{"headers", catalog.HTTPCheck{Headers: []string{"accept: text/plain", "X-Two: a", "X-Two: b"}, Content: content("text/plain [a b]", "")}, 0, "answers 200"},
		{"contains", catalog.HTTPCheck{Content: content("POST", "")}, 0, `! GET http://` + address + `/: the body does not contain "POST"`},
		{"matches", catalog.HTTPCheck{Content: content("", "^POST")}, 0, `! the body does not match "^POST"`},
		{"status", catalog.HTTPCheck{Path: "/away"}, 0, "! status 302, not 200"},
		{"statuses", catalog.HTTPCheck{Path: "/away", Status: []int{200, 204}}, 0, "! status 302, not 200 or 204"},
		{"no redirect", catalog.HTTPCheck{Path: "/away", Status: []int{301, 302}}, 0, "answers 302"},
		{"a bounded body", catalog.HTTPCheck{Path: "/large", Content: content("end", "")}, 0, "! the body does not contain"},
		{"deadline", catalog.HTTPCheck{Path: "/slow"}, 1, "! the deadline of 1s has passed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := tt.check
			h.Address, h.Port = "127.0.0.1", port
			if h.Path == "" {
				h.Path = "/"
			}
			if h.Method == "" {
				h.Method = "GET"
			}
			if h.Status == nil {
				h.Status = []int{200}
			}
			seen, err := try(t, catalog.Check{HTTP: &h, Deadline: tt.deadline})
			expected(t, seen, err, tt.want)
			failed(t, err, results[tt.name])
		})
	}
}

// TestTLS: which certificates are right: by their CA, their name and their dates.
func TestTLS(t *testing.T) {
	a, b := newAuthority(t), newAuthority(t)
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host+" "+r.TLS.ServerName) })
	ports := map[string]int{
		"web1":    a.serve(a.server(30, "web1", "10.77.0.11"), answer),
		"expires": a.serve(a.server(5, "web1"), answer),
		"expired": a.serve(a.server(-2, "web1"), answer),
		"long":    a.serve(a.server(400, "web1"), answer),
	}
	for _, tt := range []struct {
		name, server string
		tls          catalog.TLSCheck
		want         string
	}{
		{"right", "web1", catalog.TLSCheck{Name: "web1", CA: a.pem}, "answers 200, certificate valid until 2026-07-01 00:00 UTC"},
		{"several CAs", "web1", catalog.TLSCheck{Name: "web1", CA: b.pem + a.pem}, "answers 200"},
		{"by address", "web1", catalog.TLSCheck{Name: "10.77.0.11", CA: a.pem}, "answers 200"},
		{"another CA", "web1", catalog.TLSCheck{Name: "web1", CA: b.pem}, "! certificate signed by unknown authority"},
		{"the system's CAs", "web1", catalog.TLSCheck{Name: "web1"}, "! certificate signed by unknown authority"},
		{"another name", "web1", catalog.TLSCheck{Name: "web2", CA: a.pem}, "! certificate is valid for web1, not web2"},
		{"unverified", "web1", catalog.TLSCheck{Name: "web2", Unverified: true}, "answers 200"},
		{"days enough", "web1", catalog.TLSCheck{Name: "web1", CA: a.pem, Days: 30}, "answers 200"},
		{"too few days", "web1", catalog.TLSCheck{Name: "web1", CA: a.pem, Days: 31}, "! its certificate expires in 30 days, on 2026-07-01 00:00 UTC; at least 31 days are wanted"},
		{"days, unverified", "expires", catalog.TLSCheck{Name: "x", Unverified: true, Days: 14}, "! its certificate expires in 5 days, on 2026-06-06 00:00 UTC; at least 14 days are wanted"},
		{"expired", "expired", catalog.TLSCheck{Name: "web1", CA: a.pem, Days: 1}, "! certificate has expired or is not yet valid"},
		{"expired, unverified", "expired", catalog.TLSCheck{Name: "web1", Unverified: true, Days: 1}, "! its certificate expired on 2026-05-30 00:00 UTC"},
		{"the CA expires first", "long", catalog.TLSCheck{Name: "web1", CA: a.pem, Days: 200}, "! its certificate expires in 100 days"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			seen, err := try(t, catalog.Check{HTTP: &catalog.HTTPCheck{
				Address: "127.0.0.1", Port: ports[tt.server], Path: "/", Method: "GET", Host: tt.tls.Name, Status: []int{200}, TLS: &tt.tls,
				Content: catalog.Content{Matches: "^" + tt.tls.Name},
			}})
			expected(t, seen, err, tt.want)
			failed(t, err, ResultCertificate)
			seen, err = try(t, catalog.Check{TCP: &catalog.TCPCheck{Address: "127.0.0.1", Port: ports[tt.server], TLS: &tt.tls}})
			expected(t, seen, err, strings.Replace(tt.want, "answers 200", "accepts connections", 1))
		})
	}
}

// TestTCP: a connection, what is sent, and what is waited for.
func TestTCP(t *testing.T) {
	listen := func(serve func(net.Conn)) int {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() { defer conn.Close(); serve(conn) }()
			}
		}()
		return portOf(l)
	}
	silent := listen(func(c net.Conn) { io.Copy(io.Discard, c) })
	banner := listen(func(c net.Conn) {
		io.WriteString(c, "SSH-")
		io.WriteString(c, "2.0-x\r\n")
	})
	echo := listen(func(c net.Conn) { io.Copy(c, c) })
	flood := listen(func(c net.Conn) {
		for {
			if _, err := io.WriteString(c, strings.Repeat("\x1b[2J", 1000)); err != nil {
				return
			}
		}
	})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused := portOf(closed)
	closed.Close()
	results := map[string]string{"closed": ResultRefused, "another banner": ResultBody, "silence": ResultTimeout, "a flood": ResultBody}
	for _, tt := range []struct {
		name     string
		check    catalog.TCPCheck
		deadline int
		want     string
	}{
		{"open", catalog.TCPCheck{Port: silent}, 0, fmt.Sprintf("tcp 127.0.0.1:%d accepts connections", silent)},
		{"closed", catalog.TCPCheck{Port: unused}, 0, "! connection refused"},
		{"banner", catalog.TCPCheck{Port: banner, Expect: "SSH-2.0"}, 0, `answers "SSH-2.0"`},
		{"another banner", catalog.TCPCheck{Port: banner, Expect: "220 "}, 0, `! "SSH-2.0-x\r\n" came, "220 " was expected`},
		{"send", catalog.TCPCheck{Port: echo, Send: "PING\r\n", Expect: "PING\r\n"}, 0, "answers"},
		{"silence", catalog.TCPCheck{Port: silent, Expect: "x"}, 1, `! the deadline of 1s has passed: nothing came, "x" was expected`},
		{"a flood", catalog.TCPCheck{Port: flood, Expect: "x"}, 0, `! "\x1b[2J\x1b[2J`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := tt.check
			c.Address = "127.0.0.1"
			seen, err := try(t, catalog.Check{TCP: &c, Deadline: tt.deadline})
			expected(t, seen, err, tt.want)
			failed(t, err, results[tt.name])
		})
	}
}

// TestNotHere: what can't be run over the network, or isn't known, fails and says so.
func TestNotHere(t *testing.T) {
	for _, c := range []catalog.Check{{Exec: &catalog.ExecCheck{Command: []string{"true"}}}, {}, {Problem: "it is new"}} {
		c.Deadline = 1
		if seen, err := (Network{Clock: time.Now}).Try(context.Background(), &c); err == nil {
			t.Errorf("%+v: %q", c, seen)
		}
	}
}
