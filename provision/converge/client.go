package converge

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rackhand/provision/catalog"
)

// client talks to the appliance.
type client struct {
	base   *url.URL
	ca     *x509.CertPool
	clock  *adjusted
	log    *slog.Logger
	random *rand.Rand
	sleep  func(context.Context, time.Duration) error
	mutual *http.Client // with the host's certificate; nil until there is one
	// ahead is how far the host's clock is ahead of the appliance's.
	ahead time.Duration
	// mayset: the clock may be set from the appliance, not only compared.
	mayset bool
	// away: it didn't answer in this run, so each later request is tried only once.
	away bool
	// answered is called once the catalog begins to come.
	answered func()
	// version is that of this program, and trial says that it isn't the host's agent yet.
	version string
	trial   bool
	// offer is the agent that the appliance offers; nil: none.
	offer *catalog.Offer
	// facts is the SHA-256 of the host's facts, "" for none; factsWanted says that the
	// appliance asks for them.
	facts       string
	factsWanted bool
	// cert is the certificate that mutual shows, and renewDue says that the appliance asks
	// for its renewal.
	cert     *tls.Certificate
	renewDue bool
	// trusts is the SHA-256 of the file of the CAs that are trusted, and newCA that of the one
	// that the appliance wants instead; "" for none.
	trusts, newCA string
	// format is the format of catalogs that the appliance knows; 0: it doesn't say.
	format int
}

// The bounds of retries.
const (
	attempts     = 5
	firstPause   = time.Second
	longestPause = 30 * time.Second
	// patienceOnceMore is for an appliance that was away a moment ago.
	patienceOnceMore = 5 * time.Second
)

// refusal is an answer that isn't 2xx.
type refusal struct {
	status     int
	path       string
	message    string
	retryAfter time.Duration
}

func (e *refusal) Error() string {
	text := fmt.Sprintf("the appliance answers %s with %d %s", e.path, e.status, http.StatusText(e.status))
	if e.message != "" {
		text += ": " + e.message
	}
	return text
}

// worthRetrying reports whether a request may succeed later: the appliance is away or not
// ready. A refused request would be refused again.
func worthRetrying(err error) bool {
	var r *refusal
	if errors.As(err, &r) {
		return r.status >= 500 || r.status == http.StatusTooManyRequests || r.status == http.StatusRequestTimeout
	}
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	return !errors.As(err, &unknown) && !errors.As(err, &name) && !untimely(err)
}

// untimely reports whether a certificate isn't valid at this time: the clock is wrong, or
// the certificate too old.
func untimely(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired // also not yet valid
}

// timely is retry over mutual TLS. Where the clock makes it fail, the appliance is asked
// for its time first.
func (c *client) timely(ctx context.Context, f func() error) error {
	err := c.retry(ctx, f)
	if !untimely(err) {
		return err
	}
	if err := c.retry(ctx, func() error { return c.syncClock(ctx, c.mayset) }); err != nil {
		return err
	}
	return c.retry(ctx, f)
}

// compare notes how far the host's clock is from the time of an answer (Date, RFC 9110
// section 6.6.1; in whole seconds).
func (c *client) compare(resp *http.Response) {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if ahead := c.clock.Now().Sub(date); err == nil && ahead.Abs() > maxSkew {
		c.ahead = ahead
	}
}

// away reports whether the appliance gave no answer: it could not be reached, was not able
// to answer, or something else answered in its place. A refusal is an answer.
func away(err error) bool {
	var r *refusal
	return err != nil && (!errors.As(err, &r) || worthRetrying(err))
}

func newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		// No proxy: the appliance is on the host's own network.
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		MaxIdleConns:          2,
		IdleConnTimeout:       30 * time.Second,
	}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// secure is a client that verifies the appliance as usual and shows the host's
// certificate, if there is one.
func (c *client) secure(cert *tls.Certificate) *http.Client {
	config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: c.ca, Time: c.clock.now}
	if cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	return &http.Client{Transport: newTransport(config), CheckRedirect: noRedirect}
}

// retry calls f until it works, refuses for good, or attempts are spent. Pauses
// double and are random, so the hosts of a rack that was powered on don't all ask
// together.
func (c *client) retry(ctx context.Context, f func() error) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := f()
		if err == nil || !worthRetrying(err) || attempt == attempts || ctx.Err() != nil {
			return err
		}
		wait := pause/2 + time.Duration(c.random.Int64N(int64(pause)))
		var r *refusal
		if errors.As(err, &r) {
			if r.status == http.StatusTooManyRequests && r.retryAfter > longestPause {
				return err // its next turn is beyond this run: what waits is kept
			}
			wait = max(wait, min(r.retryAfter, longestPause))
		}
		c.log.Warn("the appliance doesn't answer; trying again", "attempt", attempt, "in", wait.Round(time.Millisecond).String(), "error", short(err.Error()))
		if c.sleep(ctx, wait) != nil {
			return err
		}
		pause = min(2*pause, longestPause)
	}
}

// do sends one request and decodes the answer into out, unless out is nil.
func (c *client) do(ctx context.Context, with *http.Client, method, path string, in, out any, limit int64) error {
	_, err := c.exchange(ctx, with, method, path, "", in, out, limit)
	return err
}

// exchange is do with an entity tag. notModified reports that the host already has the
// appliance's version.
func (c *client) exchange(ctx context.Context, with *http.Client, method, path, etag string, in, out any, limit int64) (notModified bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return false, fmt.Errorf("%s: %w", path, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath(path).String(), body)
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if etag != "" {
		req.Header.Set("If-None-Match", strconv.Quote(etag))
	}
	c.sayVersion(req)
	if path == catalogPath {
		req.Header.Set(catalog.FormatHeader, strconv.Itoa(catalog.Format3))
		if c.facts != "" {
			req.Header.Set(catalog.HeaderFacts, c.facts)
		}
	}
	resp, err := with.Do(req)
	if err != nil {
		return false, fmt.Errorf("asking the appliance: %w", err)
	}
	defer resp.Body.Close()
	c.hearHeaders(with, resp)
	if path == catalogPath && resp.StatusCode < 400 {
		c.compare(resp)
		c.format, _ = strconv.Atoi(resp.Header.Get(catalog.FormatHeader))
		if c.answered != nil {
			c.answered()
		}
	}
	if resp.StatusCode == http.StatusNotModified && etag != "" {
		return true, nil
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return false, newRefusal(resp, path)
	}
	if out == nil {
		return false, nil
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return false, fmt.Errorf("the appliance's answer to %s: %w", path, err)
	}
	if int64(len(b)) > limit {
		return false, &refusal{status: resp.StatusCode, path: path, message: fmt.Sprintf("its body has more than %d bytes", limit)}
	}
	if err := json.Unmarshal(b, out); err != nil {
		return false, &refusal{status: resp.StatusCode, path: path, message: "its body can't be read: " + err.Error()}
	}
	return false, nil
}

func newRefusal(resp *http.Response, path string) *refusal {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	r := &refusal{status: resp.StatusCode, path: path}
	text := strings.TrimSpace(string(b))
	// echo's and our own errors are {"message": ...} or {"error": ...}.
	var fields struct {
		Message string `json:"message"`
		Error   string `json:"error"`
	}
	if json.Unmarshal(b, &fields) == nil && fields.Message+fields.Error != "" {
		text = fields.Message + fields.Error
	}
	r.message = short(text)
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		r.retryAfter = time.Duration(min(seconds, 3600)) * time.Second
	}
	return r
}

const catalogPath = "/v1/catalog"

// catalog fetches the host's catalog. It returns nil without an error if the host's version
// is still the current one.
func (c *client) catalog(ctx context.Context, have string) (*catalog.Catalog, error) {
	var text json.RawMessage
	var same bool
	err := c.timely(ctx, func() (err error) {
		same, err = c.exchange(ctx, c.mutual, http.MethodGet, catalogPath, have, nil, &text, catalog.MaxSize)
		return err
	})
	if err != nil || same {
		return nil, err
	}
	got, err := catalog.Decode(text)
	if err != nil {
		return nil, &refusal{status: http.StatusOK, path: catalogPath, message: "its body can't be read: " + err.Error()}
	}
	return got, nil
}

func (c *client) post(ctx context.Context, path string, in any) error {
	if c.away {
		ctx, cancel := context.WithTimeout(ctx, patienceOnceMore)
		defer cancel()
		return c.do(ctx, c.mutual, http.MethodPost, path, in, nil, 0)
	}
	return c.timely(ctx, func() error {
		return c.do(ctx, c.mutual, http.MethodPost, path, in, nil, 0)
	})
}
