package rollout_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision/orders"
)

// TestManyWait: 500 hosts wait at once, each over one connection that counts against the
// port's limits as the appliance sets them; their runs go on beside, and each gets its order.
func TestManyWait(t *testing.T) {
	var hosts []string
	for n := range 500 {
		hosts = append(hosts, fmt.Sprintf("h%d", n))
	}
	s := newTestAppliance(t, hosts...)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.options.Authority.CA())
	// Each host has an address of its own, as in a rack.
	request := func(n int, path string) (*http.Response, error) {
		at := filepath.Join(s.dir, hosts[n], "var/lib/rackhand-agent")
		cert, err := tls.LoadX509KeyPair(filepath.Join(at, "cert.pem"), filepath.Join(at, "key.pem"))
		if err != nil {
			return nil, err
		}
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+n/250), byte(1+n%250))}}
		c := &http.Client{Transport: &http.Transport{DialContext: d.DialContext, TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}}}
		return c.Get("https://127.0.0.1:" + s.port + path)
	}
	got := make([]string, len(hosts))
	var all sync.WaitGroup
	for n, h := range hosts {
		s.agent(h, true)
		all.Go(func() {
			resp, err := request(n, "/v1/orders?last=")
			if err != nil {
				t.Error(h, err)
				return
			}
			defer resp.Body.Close()
			for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
				got[n] += lines.Text()
			}
		})
	}
	s.until("all wait", func() bool {
		for _, h := range hosts {
			if !s.options.Orders.Connected(h) {
				return false
			}
		}
		return true
	})
	if n := s.limiter.Open(); n != len(hosts) {
		t.Errorf("%d connections are open", n)
	}
	for n := range 20 {
		resp, err := request(n, "/v1/catalog")
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("a run beside: %v, %v", resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	began := time.Now()
	out, err := s.client.Converge(t.Context(), orders.Request{Hosts: hosts, Noop: true})
	if err != nil || len(out) != len(hosts) {
		t.Fatal(len(out), err)
	}
	all.Wait()
	t.Logf("500 orders in %s", time.Since(began))
	for n, o := range out {
		if o.Order == nil || !strings.Contains(got[n], o.Order.ID) {
			t.Errorf("%s: %+v, it got %q", o.Host, o, got[n])
		}
	}
}
