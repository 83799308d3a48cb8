package converge

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
)

// Settings are the content of agent.json, which %post writes.
type Settings struct {
	Appliance string `json:"appliance"` // https://10.77.0.1:8443
	Host      string `json:"host"`      // the host's name in the inventory
}

// readSettings reads agent.json and the appliance's CA.
func readSettings(p Paths) (s Settings, base *url.URL, ca *x509.CertPool, err error) {
	fail := func(err error) (Settings, *url.URL, *x509.CertPool, error) {
		return s, nil, nil, fmt.Errorf("%w (the installer's %%post writes this file)", err)
	}
	b, err := readFile(p.config(), 64<<10)
	if err != nil {
		return fail(err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return fail(fmt.Errorf("%s: %w", p.config(), err))
	}
	base, err = url.Parse(s.Appliance)
	if err != nil || base.Scheme != "https" || base.Hostname() == "" || base.User != nil {
		return fail(fmt.Errorf("%s: appliance must be https://ADDRESS:PORT", p.config()))
	}
	if s.Host == "" {
		return fail(fmt.Errorf("%s: host is missing", p.config()))
	}
	b, err = readFile(p.ca(), 256<<10)
	if err != nil {
		return fail(err)
	}
	ca = x509.NewCertPool()
	if !ca.AppendCertsFromPEM(b) {
		return fail(fmt.Errorf("%s: it contains no certificate in PEM format", p.ca()))
	}
	return s, base, ca, nil
}

// onePEM takes the first block of a type from a PEM file.
func onePEM(data []byte, kind string) ([]byte, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == kind {
			return block.Bytes, nil
		}
	}
	return nil, errors.New("it contains no " + kind + " in PEM format")
}
