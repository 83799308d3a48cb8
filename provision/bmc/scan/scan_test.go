package scan

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	ipmibmc "github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/hal/mock"
	"github.com/bougou/go-ipmi/pkg/server"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rackhand/provision"
)

// aBMC is go-ipmi's server at an address of loopback. Port 0: any.
func aBMC(t *testing.T, addr string, port uint16) uint16 {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), port)))
	if err != nil {
		t.Fatal(err)
	}
	state := ipmibmc.New(ipmibmc.DeviceInfo{IPMIVersion: 0x20}, [16]byte{1}, mock.New())
	srv := server.NewServer(state, conn)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(context.Background())
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
}

// aService serves HTTPS at an address of loopback.
func aService(t *testing.T, addr string, port uint16, h http.HandlerFunc) uint16 {
	t.Helper()
	l, err := net.Listen("tcp4", netip.AddrPortFrom(netip.MustParseAddr(addr), port).String())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	_ = s.Listener.Close()
	s.Listener = l
	s.Config.ErrorLog = nil
	s.TLS = &tls.Config{}
	s.StartTLS()
	t.Cleanup(s.Close)
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}

func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/redfish/v1/" || r.Header.Get("Authorization") != "" {
			http.Error(w, "not the root", http.StatusTeapot)
			return
		}
		_, _ = w.Write([]byte(body))
	}
}

// TestScan searches a network with two BMCs of IPMI, several services of HTTPS, and nothing
// else.
func TestScan(t *testing.T) {
	ipmi := aBMC(t, "127.0.0.2", 0)
	aBMC(t, "127.0.0.5", ipmi)
	redfish := aService(t, "127.0.0.3", 0, says(`{"RedfishVersion": "1.6.0", "Vendor": "HPE", "Product": "ProLiant\u001b[31m DL360", "Oem": {"Hpe": {}}}`))
	aService(t, "127.0.0.5", redfish, says(`{"RedfishVersion": "1.0.0", "Vendor": null, "Product": 7, "Oem": {"Supermicro": {}}}`))
	aService(t, "127.0.0.6", redfish, says(`<html>hello</html>`))
	aService(t, "127.0.0.7", redfish, says(`{"RedfishVersion": "1.0.0", "x": "`+strings.Repeat("x", maxRoot)+`"}`))
	followed := false
	aService(t, "127.0.0.8", redfish, func(w http.ResponseWriter, r *http.Request) {
		followed = followed || r.URL.Path != "/redfish/v1/"
		http.Redirect(w, r, fmt.Sprintf("https://127.0.0.3:%d/redfish/v1/", redfish), http.StatusFound)
	})
	aService(t, "127.0.0.9", redfish, func(w http.ResponseWriter, r *http.Request) {
		select { // it says nothing
		case <-r.Context().Done():
		case <-time.After(time.Minute):
		}
	})
	var pauses []time.Duration
	s := Scanner{IPMIPort: ipmi, RedfishPort: redfish, Patience: 300 * time.Millisecond, Sleep: func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}}
	var found []provision.FoundBMC
	if err := s.Run(t.Context(), provision.ScanRequest{Network: netip.MustParsePrefix("127.0.0.1/28")}, func(f provision.FoundBMC) { found = append(found, f) }); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found, func(a, b provision.FoundBMC) int { return a.Address.Compare(b.Address) })
	at := netip.MustParseAddr
	want := []provision.FoundBMC{
		{Address: at("127.0.0.2"), IPMI: "2.0"},
		{Address: at("127.0.0.3"), Redfish: "1.6.0", Vendor: "HPE", Product: "ProLiant[31m DL360"},
		{Address: at("127.0.0.5"), IPMI: "2.0", Redfish: "1.0.0", Vendor: "Supermicro"},
	}
	if d := cmp.Diff(want, found, cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(provision.FoundBMC{}, "Anonymous")); d != "" {
		t.Errorf("found (-want +got):\n%s", d)
	}
	if followed {
		t.Error("a redirect was followed")
	}
	if len(pauses) != 13 || pauses[0] != 20*time.Millisecond {
		t.Errorf("%d pauses of %v for 14 addresses", len(pauses), pauses[0])
	}
}

func TestScanEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	s := Scanner{IPMIPort: 1, RedfishPort: 1, Patience: time.Millisecond, Sleep: func(ctx context.Context, _ time.Duration) error {
		if n++; n == 5 {
			cancel()
		}
		return ctx.Err()
	}}
	if err := s.Run(ctx, provision.ScanRequest{Network: netip.MustParsePrefix("127.1.0.0/20")}, nil); err == nil || n != 5 {
		t.Errorf("after %d addresses: %v", n, err)
	}
}

func TestAddresses(t *testing.T) {
	for network, want := range map[string]string{
		"10.0.0.5/30": "10.0.0.5 10.0.0.6", "10.0.0.4/31": "10.0.0.4 10.0.0.5", "10.0.0.9/32": "10.0.0.9",
		"fd00::/127": "fd00:: fd00::1", "255.255.255.252/30": "255.255.255.253 255.255.255.254",
	} {
		if got := strings.Trim(fmt.Sprint(addresses(netip.MustParsePrefix(network))), "[]"); got != want {
			t.Errorf("%s: %s, want %s", network, got, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	pong := append(ping()[:8:8], 0x40, 0, 0, 0x10, 0, 0, 0x02, 0xa2, 0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0) // Dell
	auth := func(data ...byte) []byte {
		m := []byte{0x81, 0x07 << 2}
		m = append(m, checksum(m))
		body := append([]byte{0x20, 0, 0x38, 0}, data...)
		m = append(append(m, body...), checksum(body))
		return append([]byte{6, 0, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(m))}, m...)
	}
	full := auth(1, 0x97, 0x15, 0x03, 0x7c, 0x2a, 0, 0) // Supermicro
	for _, c := range []struct {
		name string
		in   [][]byte
		want ipmiAnswer
	}{
		{"pong alone", [][]byte{pong}, ipmiAnswer{"asf", false, "Dell"}},
		{"both", [][]byte{pong, full}, ipmiAnswer{"2.0", true, "Supermicro"}},
		{"the other way round", [][]byte{full, pong}, ipmiAnswer{"2.0", true, "Supermicro"}},
		{"1.5", [][]byte{auth(1, 0x17, 0x14, 0, 0, 0, 0, 0)}, ipmiAnswer{"1.5", false, ""}},
		{"cut", [][]byte{full[:len(full)-3]}, ipmiAnswer{}},
		{"another checksum", [][]byte{append(full[:len(full)-1:len(full)-1], 0)}, ipmiAnswer{}},
		{"our own request", [][]byte{capabilities(), ping()}, ipmiAnswer{}},
		{"nothing", [][]byte{{}, {6}}, ipmiAnswer{}},
	} {
		var a ipmiAnswer
		for _, d := range c.in {
			a.add(d)
		}
		if a != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, a, c.want)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte{6, 0, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x81, 0x1c, 0x63, 0x20, 0, 0x38, 0, 1, 0x97, 0x15, 3, 0x7c, 0x2a, 0, 0, 0xe1}, []byte(`{"RedfishVersion": "1.0.0", "Vendor": null, "Oem": {"Hp": 1}}`))
	f.Add(ping(), []byte(`{"RedfishVersion": 1}`))
	f.Fuzz(func(t *testing.T, datagram, body []byte) {
		var a ipmiAnswer
		a.add(datagram)
		r := readRoot(body)
		if a.version != "" && a.version != "asf" && len(datagram) < 22 || r.version == "" && r != (root{}) {
			t.Errorf("%+v %+v", a, r)
		}
		for _, s := range []string{r.version, r.vendor, r.product} {
			if len([]rune(s)) > 64 || strings.ContainsAny(s, "\x1b\n\r") {
				t.Errorf("%q is shown", s)
			}
		}
	})
}
