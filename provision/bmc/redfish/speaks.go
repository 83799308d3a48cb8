package redfish

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"time"

	"rackhand/provision/bmc"
)

const (
	// speaksDial bounds the wait for a connection: a BMC that speaks IPMI alone loses no more.
	speaksDial = time.Second
	// speaksAnswer bounds the wait for an answer after that: slow BMCs need seconds for TLS.
	speaksAnswer = 10 * time.Second
	// speaksBytes bounds the service root that is read.
	speaksBytes = 64 << 10
)

// Speaks reports whether a Redfish service answers at a BMC's address. It asks for the service
// root, which needs no account (DSP0266 §8.4), and sends nothing secret. So the certificate
// isn't looked at: one that isn't trusted is no sign of another protocol.
func (Driver) Speaks(ctx context.Context, t bmc.Target) bool {
	ctx, cancel := context.WithTimeout(ctx, speaksDial+speaksAnswer)
	defer cancel()
	dialer := net.Dialer{Timeout: speaksDial}
	client := http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, DisableKeepAlives: true, TLSHandshakeTimeout: speaksAnswer,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, CipherSuites: allSuites()},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+t.Address.String()+"/redfish/v1/", nil)
	if err != nil {
		return false
	}
	req.Header.Set("Accept", "application/json")
	answer, err := client.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }()
	return isRoot(io.LimitReader(answer.Body, speaksBytes))
}

// isRoot reports whether a body is a Redfish service root, or a Redfish error.
func isRoot(body io.Reader) bool {
	var root struct {
		Version string          `json:"RedfishVersion"`
		ID      string          `json:"@odata.id"`
		Error   json.RawMessage `json:"error"`
	}
	return json.NewDecoder(body).Decode(&root) == nil && (root.Version != "" || root.ID != "" || root.Error != nil)
}

// allSuites are the cipher suites of all BMCs, old ones too: only the root is asked for.
func allSuites() []uint16 {
	var out []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		out = append(out, s.ID)
	}
	return out
}
