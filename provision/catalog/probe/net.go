package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rackhand/provision/catalog"
)

// http sends a request. No redirect is followed: a host must not send the appliance
// elsewhere. A proxy of the environment isn't used.
func (n Network) http(ctx context.Context, h *catalog.HTTPCheck) (string, error) {
	req, err := http.NewRequestWithContext(ctx, h.Method, h.URL(), nil)
	if err != nil {
		return "", err
	}
	if req.Host = h.Host; strings.Contains(h.Host, ":") {
		req.Host = "[" + h.Host + "]" // an IPv6 address
	}
	for _, line := range h.Headers {
		name, value, _ := strings.Cut(line, ":")
		req.Header.Add(name, strings.TrimSpace(value))
	}
	config, err := n.config(h.TLS)
	if err != nil {
		return "", err
	}
	client := http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: config, MaxResponseHeaderBytes: maxBanner},
	}
	res, err := client.Do(req)
	var requestError *url.Error
	if errors.As(err, &requestError) {
		err = requestError.Err // the words of the check name the request
	}
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return "", err
	}
	if !slices.Contains(h.Status, res.StatusCode) {
		return "", failure{ResultStatus, fmt.Errorf("status %d, not %s", res.StatusCode, oneOf(h.Status))}
	}
	if err := h.Judge("the body", string(text)); err != nil {
		return "", failure{ResultBody, err}
	}
	until, err := n.certificate(h.TLS, res.TLS)
	return fmt.Sprintf(" answers %d%s", res.StatusCode, until), err
}

func oneOf(numbers []int) string {
	var texts []string
	for _, n := range numbers {
		texts = append(texts, strconv.Itoa(n))
	}
	return strings.Join(texts, " or ")
}

// tcp connects, sends, and waits for a text.
func (n Network) tcp(ctx context.Context, t *catalog.TCPCheck) (string, error) {
	config, err := n.config(t.TLS)
	if err != nil {
		return "", err
	}
	address := net.JoinHostPort(t.Address, strconv.Itoa(t.Port))
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	// Reads and writes end when ctx does.
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	until := ""
	if config != nil {
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return "", err
		}
		state := secure.ConnectionState()
		if until, err = n.certificate(t.TLS, &state); err != nil {
			return "", err
		}
		conn = secure
	}
	if _, err := io.WriteString(conn, t.Send); err != nil {
		return "", err
	}
	if t.Expect == "" {
		return " accepts connections" + until, nil
	}
	return fmt.Sprintf(" answers %q%s", t.Expect, until), expect(conn, t.Expect)
}

// expect reads until a text has come.
func expect(from io.Reader, want string) error {
	var got []byte
	buf := make([]byte, 4<<10)
	for len(got) < maxBanner {
		some, err := from.Read(buf)
		got = append(got, buf[:some]...)
		if bytes.Contains(got, []byte(want)) {
			return nil
		}
		if err != nil {
			break // the end, or the deadline
		}
	}
	if len(got) == 0 {
		return fmt.Errorf("nothing came, %q was expected", want)
	}
	return failure{ResultBody, fmt.Errorf("%q came, %q was expected", got[:min(len(got), maxShown)], want)}
}

// config is the TLS of a check; nil for none.
func (n Network) config(t *catalog.TLSCheck) (*tls.Config, error) {
	if t == nil {
		return nil, nil
	}
	c := &tls.Config{ServerName: t.Name, Time: n.Clock, InsecureSkipVerify: t.Unverified}
	if t.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(t.CA)) {
			return nil, errors.New("the ca holds no certificate that can be read")
		}
	}
	return c, nil
}

// certificate judges how long a certificate is still valid.
func (n Network) certificate(t *catalog.TLSCheck, state *tls.ConnectionState) (until string, err error) {
	if t == nil || state == nil || len(state.PeerCertificates) == 0 {
		return "", nil
	}
	end := ends(state)
	left := end.Sub(n.Clock())
	when := end.UTC().Format("2006-01-02 15:04 MST")
	switch {
	case t.Days == 0:
	case left <= 0:
		return "", failure{ResultCertificate, fmt.Errorf("its certificate expired on %s", when)}
	case left < time.Duration(t.Days)*24*time.Hour:
		return "", failure{ResultCertificate, fmt.Errorf("its certificate expires in %d days, on %s; at least %d days are wanted", int(left.Hours()/24), when, t.Days)}
	}
	return ", certificate valid until " + when, nil
}

// ends is when the chain of a certificate expires: of several, the one that lasts longest.
// Without a verified chain, it is the certificate itself.
func ends(state *tls.ConnectionState) time.Time {
	var best time.Time
	for _, chain := range state.VerifiedChains {
		first := chain[0].NotAfter
		for _, cert := range chain {
			if cert.NotAfter.Before(first) {
				first = cert.NotAfter
			}
		}
		if first.After(best) {
			best = first
		}
	}
	if best.IsZero() {
		return state.PeerCertificates[0].NotAfter
	}
	return best
}
