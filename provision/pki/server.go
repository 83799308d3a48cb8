package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// server is the certificate of the agents' port.
type server struct {
	addrs []netip.Addr
	mu    sync.Mutex
	cert  *tls.Certificate
	until time.Time
	ca    string // the id of the CA that signed it
}

// TLS is the agents' server configuration. A client certificate that is given must be of
// this CA's; the client has proved in this handshake that it holds its key. Whether it has
// expired, and which routes want one, is judged afterwards: a host that was off for long
// renews by the certificate that it has.
func (a *Authority) TLS() *tls.Config {
	first, ca := a.server.cert, a.ca.Load()
	config := &tls.Config{
		Certificates: []tls.Certificate{*first},
		ClientAuth:   tls.RequestClientCert, ClientCAs: ca.pool(), // ClientCAs is what clients choose theirs by
		MinVersion: tls.VersionTLS13, Time: a.clock,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return nil
			}
			return a.verify(state.PeerCertificates[0])
		},
	}
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		cert, err := a.serverCert()
		if err != nil || cert == first && a.ca.Load() == ca {
			return nil, err
		}
		renewed := config.Clone()
		renewed.Certificates, renewed.ClientCAs = []tls.Certificate{*cert}, a.ca.Load().pool()
		return renewed, nil
	}
	return config
}

// serverCert is the server certificate: made at each start, since it is cheap, names the
// addresses of today, and nothing pins it; and again when half its life is over, or the
// clock was found wrong.
func (a *Authority) serverCert() (*tls.Certificate, error) {
	s := &a.server
	s.mu.Lock()
	defer s.mu.Unlock()
	now, ca := a.clock(), a.ca.Load()
	if s.cert != nil && s.ca == ca.id && s.until.Sub(now) > serverLife/2 {
		return s.cert, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), a.random)
	if err != nil {
		return nil, fmt.Errorf("making the server certificate: %w", err)
	}
	var ips []net.IP
	for _, addr := range s.addrs {
		if ip := net.IP(addr.AsSlice()); !slices.ContainsFunc(ips, ip.Equal) {
			ips = append(ips, ip)
		}
	}
	t := &x509.Certificate{
		Subject:  pkix.Name{CommonName: "rackhand"},
		DNSNames: []string{"rackhand"}, IPAddresses: ips,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := a.issue(t, serverLife, ca.cert, key.Public(), ca.key)
	if err != nil {
		return nil, fmt.Errorf("making the server certificate: %w", err)
	}
	s.cert, s.until, s.ca = &tls.Certificate{Certificate: [][]byte{der, ca.cert.Raw}, PrivateKey: key}, t.NotAfter, ca.id
	return s.cert, nil
}
