package catalog

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An HTTPCheck sends one request. Redirects are not followed.
type HTTPCheck struct {
	Address string `json:"address"` // an IP address
	Port    int    `json:"port"`
	Path    string `json:"path"`   // begins with /
	Method  string `json:"method"` // GET or HEAD
	// Host is the header Host; "" for address and port.
	Host string `json:"host,omitempty"`
	// Headers are further ones, as "Name: value".
	Headers []string `json:"headers,omitempty"`
	Status  []int    `json:"status"` // those that are right
	Content
	TLS *TLSCheck `json:"tls,omitempty"` // nil: plain HTTP
}

// A TCPCheck opens a connection, and may send a text and wait for one.
type TCPCheck struct {
	Address string `json:"address"`
	Port    int    `json:"port"`
	Send    string `json:"send,omitempty"`
	// Expect is a text that must come within the deadline; "" for none.
	Expect string    `json:"expect,omitempty"`
	TLS    *TLSCheck `json:"tls,omitempty"`
}

// A TLSCheck says how a certificate is judged.
type TLSCheck struct {
	// Name is sent (SNI), and the certificate must be for it.
	Name string `json:"name"`
	// CA are certificates, as PEM, that are trusted instead of the system's.
	CA string `json:"ca,omitempty"`
	// Unverified: any certificate is accepted, apart from its dates in Days.
	Unverified bool `json:"unverified,omitempty"`
	// Days is how many days the certificate must still be valid; 0: it isn't asked.
	Days int `json:"certificate_days,omitempty"`
}

// Content is what a text must contain: a body, or a program's output.
type Content struct {
	Contains string `json:"contains,omitempty"`
	Matches  string `json:"matches,omitempty"` // a regular expression, RE2
}

// Judge says why a text isn't right.
func (c Content) Judge(what, text string) error {
	if !strings.Contains(text, c.Contains) {
		return fmt.Errorf("%s does not contain %q", what, c.Contains)
	}
	if c.Matches == "" {
		return nil
	}
	re, err := regexp.Compile(c.Matches)
	if err == nil && !re.MatchString(text) {
		err = fmt.Errorf("%s does not match %q", what, c.Matches)
	}
	return err
}

func (c Content) validate() error {
	if len(c.Contains) > MaxText {
		return fmt.Errorf("contains has %d bytes, at most %d are allowed", len(c.Contains), MaxText)
	}
	return ValidExpression(c.Matches)
}

// ValidExpression says what is wrong with a regular expression.
func ValidExpression(text string) error {
	if len(text) > MaxExpression {
		return fmt.Errorf("the regular expression has %d bytes, at most %d are allowed", len(text), MaxExpression)
	}
	_, err := regexp.Compile(text)
	return err
}

// ValidHeader says what is wrong with a header that a check sends.
func ValidHeader(line string) error {
	name, value, ok := strings.Cut(line, ":")
	switch key := textproto.CanonicalMIMEHeaderKey(name); {
	case !ok || !headerName.MatchString(name):
		return fmt.Errorf("%.80q is not a header", line)
	case len(line) > MaxExpression || strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r >= 0x7f }) >= 0:
		return fmt.Errorf("the value of the header %.40s must be printable ASCII, at most %d bytes", name, MaxExpression)
	case slices.Contains([]string{"Authorization", "Cookie", "Proxy-Authorization"}, key):
		return fmt.Errorf("the header %s carries a secret, which logs and pages would show", key)
	case slices.Contains([]string{"Host", "Content-Length", "Transfer-Encoding", "Connection"}, key):
		return fmt.Errorf("the header %s is set by the check itself", key)
	}
	return nil
}

// RFC 9110, 5.1: a token.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}$")

// ValidServer says what is wrong with the name of a server: a host name or an IP address.
func ValidServer(name string) error {
	if _, err := netip.ParseAddr(name); err == nil || len(name) <= 253 && serverName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%.80q is neither a host name nor an IP address", name)
}

var serverName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$`)

// ValidAddress says what is wrong with the address that a check connects to.
func ValidAddress(text string) error {
	if _, err := netip.ParseAddr(text); err != nil {
		return fmt.Errorf("%.80q is not an IP address", text)
	}
	return nil
}

// ValidPath says what is wrong with the path of a request.
func ValidPath(text string) error {
	if !strings.HasPrefix(text, "/") || len(text) > MaxText || strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) >= 0 {
		return fmt.Errorf("%.80q is not a path", text)
	}
	return nil
}

// ValidCA says what is wrong with the certificates of a CA.
func ValidCA(text string) error {
	if len(text) > MaxCA {
		return fmt.Errorf("it has %d bytes, at most %d are allowed", len(text), MaxCA)
	}
	n := 0
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("it holds a %.40s: certificates alone belong there", block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("its certificate %d: %w", n+1, err)
		}
		n++
	}
	if n == 0 {
		return errors.New("it holds no certificate (PEM)")
	}
	return nil
}

func (t *TLSCheck) validate() error {
	if t == nil {
		return nil
	}
	if err := ValidServer(t.Name); err != nil {
		return err
	}
	if t.Days < 0 || t.Days > MaxDays {
		return fmt.Errorf("certificate_days is %d: 0 to %d are allowed", t.Days, MaxDays)
	}
	if t.CA == "" {
		return nil
	}
	if t.Unverified {
		return errors.New("a ca and verify: false exclude each other")
	}
	if err := ValidCA(t.CA); err != nil {
		return fmt.Errorf("the ca: %w", err)
	}
	return nil
}

func endpoint(address string, port int) error {
	if port < 1 || port > 65535 {
		return fmt.Errorf("port %d: 1 to 65535 are allowed", port)
	}
	return ValidAddress(address)
}

// URL is where the request goes.
func (h *HTTPCheck) URL() string {
	scheme := "http"
	if h.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(h.Address, strconv.Itoa(h.Port)) + h.Path
}

func (h *HTTPCheck) words() string  { return h.Method + " " + h.URL() }
func (h *HTTPCheck) anywhere() bool { return true }

func (h *HTTPCheck) validate() error {
	if err := errors.Join(endpoint(h.Address, h.Port), ValidPath(h.Path), h.Content.validate(), h.TLS.validate()); err != nil {
		return err
	}
	switch {
	case h.Method != "GET" && h.Method != "HEAD":
		return fmt.Errorf("the method is %.20q: use GET or HEAD", h.Method)
	case h.Method == "HEAD" && h.Content != Content{}:
		return errors.New("the answer to HEAD has no body: contains and matches need GET")
	case len(h.Status) == 0 || len(h.Status) > MaxStatuses:
		return fmt.Errorf("1 to %d statuses are allowed", MaxStatuses)
	case len(h.Headers) > MaxHeaders:
		return fmt.Errorf("%d headers, at most %d are allowed", len(h.Headers), MaxHeaders)
	}
	for _, s := range h.Status {
		if s < 100 || s > 599 {
			return fmt.Errorf("status %d: 100 to 599 are allowed", s)
		}
	}
	if h.Host != "" {
		if err := ValidServer(h.Host); err != nil {
			return err
		}
	}
	for _, line := range h.Headers {
		if err := ValidHeader(line); err != nil {
			return err
		}
	}
	return nil
}

func (t *TCPCheck) words() string {
	return "tcp " + net.JoinHostPort(t.Address, strconv.Itoa(t.Port))
}
func (t *TCPCheck) anywhere() bool { return true }

func (t *TCPCheck) validate() error {
	if max(len(t.Send), len(t.Expect)) > MaxText {
		return fmt.Errorf("send and expect may have %d bytes each", MaxText)
	}
	return errors.Join(endpoint(t.Address, t.Port), t.TLS.validate())
}
