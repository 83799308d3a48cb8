package redfish

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"rackhand/provision/bmc"
)

// TestSpeaks: what answers on a BMC's port 443, and whether that is Redfish. Nothing of the
// account is sent.
func TestSpeaks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   bool
	}{
		{"a service root", 200, `{"@odata.id": "/redfish/v1/", "RedfishVersion": "1.15.0"}`, true},
		{"a busy service", 503, `{"error": {"code": "Base.1.0.ServiceTemporarilyUnavailable"}}`, true},
		{"a root that wants a login", 401, `{"error": {}}`, true},
		{"a web page for any address", 200, "<html>login</html>", false},
		{"no such page", 404, "<h1>404</h1>", false},
		{"JSON of something else", 200, `{"name": "printer"}`, false},
		{"a list", 200, `[1, 2]`, false},
		{"a redirect", 302, "", false},
		{"200 MB", 200, `{"x": "` + strings.Repeat("x", 1<<20) + `", "RedfishVersion": "1.0"}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if said := fmt.Sprint(r.URL, r.Header); strings.Contains(said, "s3cret") || r.URL.Path != "/redfish/v1/" {
					t.Errorf("asked %s", said)
				}
				if tt.status == 302 {
					w.Header().Set("Location", "/redfish/v1/elsewhere")
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer s.Close()
			at := netip.MustParseAddrPort(s.Listener.Addr().String())
			if got := (Driver{}).Speaks(t.Context(), bmc.Target{Address: at, User: "admin", Password: "s3cret"}); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	at := netip.MustParseAddrPort(plain.Listener.Addr().String())
	if (Driver{}).Speaks(t.Context(), bmc.Target{Address: at}) {
		t.Error("HTTP without TLS is Redfish")
	}
	plain.Close()
	if (Driver{}).Speaks(t.Context(), bmc.Target{Address: at}) {
		t.Error("a closed port is Redfish")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if (Driver{}).Speaks(ctx, bmc.Target{Address: at}) {
		t.Error("a cancelled question is answered")
	}
}
