package scan

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
)

// maxRoot bounds Redfish's root, which is 1 to 5 KB.
const maxRoot = 64 << 10

// A root is what Redfish's root says; zero for none.
type root struct{ version, vendor, product string }

// askRedfish gets Redfish's root, the one resource that is served without a login (DSP0266
// §9.2). So the certificate isn't checked: nothing secret is sent, and nothing is trusted
// that comes back. Redirects aren't followed.
func askRedfish(ctx context.Context, at netip.AddrPort, patience time.Duration) root {
	ctx, cancel := context.WithTimeout(ctx, 2*patience) // a BMC's TLS handshake takes a second
	defer cancel()
	var suites []uint16 // those of old BMCs, too
	for _, c := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		suites = append(suites, c.ID)
	}
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 16 << 10,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, CipherSuites: suites}, //nolint:gosec // see above
		},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+at.String()+"/redfish/v1/", nil)
	if err != nil {
		return root{}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("OData-Version", "4.0") // DSP0266 §7.1
	res, err := client.Do(req)
	if err != nil {
		return root{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxRoot+1))
	if err != nil || res.StatusCode != http.StatusOK || len(body) > maxRoot {
		return root{}
	}
	return readRoot(body)
}

// readRoot reads the few fields that matter. A field of another type than usual is left out.
func readRoot(body []byte) root {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return root{}
	}
	text := func(name string) string {
		var s string
		_ = json.Unmarshal(fields[name], &s)
		return printable(s)
	}
	r := root{version: text("RedfishVersion"), vendor: text("Vendor"), product: text("Product")}
	if r.version == "" {
		return root{}
	}
	if r.vendor == "" { // older services name it by the key of their extensions
		var oem map[string]json.RawMessage
		_ = json.Unmarshal(fields["Oem"], &oem)
		for key := range oem {
			if key = printable(key); key != "" && (r.vendor == "" || key < r.vendor) {
				r.vendor = key
			}
		}
	}
	return r
}

// printable keeps at most 64 printable characters of a stranger's text.
func printable(s string) string {
	s = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, s)
	if r := []rune(s); len(r) > 64 {
		s = string(r[:64])
	}
	return strings.TrimSpace(s)
}
