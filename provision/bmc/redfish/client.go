package redfish

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rackhand/provision/bmc"
)

// maxBody bounds an answer, as it is sent and as it is unpacked. The longest of the known
// ones, a log of an iLO, has 2 MiB.
const maxBody = 4 << 20

// A client sends requests to one BMC, over TLS only.
type client struct {
	http     *http.Client
	at       url.URL // https://address:port
	exchange time.Duration
	answered bool // once at least: a later silence isn't that of a wrong address
	// lonely: each request gets a connection of its own. Some BMCs choke on a connection that
	// lasts; one that broke off says so.
	lonely bool
}

func (d Driver) client(t bmc.Target) (*client, error) {
	cfg, err := tlsConfig(t, d.Now)
	if err != nil {
		return nil, err
	}
	return &client{
		http: &http.Client{
			Transport: &http.Transport{
				DialContext: d.Dial, TLSClientConfig: cfg, TLSHandshakeTimeout: d.Exchange,
				DisableCompression: true, MaxResponseHeaderBytes: 64 << 10, MaxConnsPerHost: 1, IdleConnTimeout: d.Exchange,
			},
			// A redirect could send the password to another machine.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		at:       url.URL{Scheme: "https", Host: t.Address.String()},
		exchange: d.Exchange,
	}, nil
}

// A reply is an answer of a BMC, read whole.
type reply struct {
	method, path string
	status       int
	header       http.Header
	body         []byte
}

// send sends a request and reads its answer. A read whose connection breaks off is sent once
// more, on a connection of its own.
func (c *client) send(ctx context.Context, method, path string, body []byte, header http.Header) (*reply, error) {
	r, err := c.once(ctx, method, path, body, header)
	if err != nil && broken(err) && ctx.Err() == nil && !c.lonely {
		c.lonely = true
		if method == http.MethodGet {
			return c.once(ctx, method, path, body, header)
		}
	}
	return r, err
}

func (c *client) once(ctx context.Context, method, path string, body []byte, header http.Header) (*reply, error) {
	ctx, cancel := context.WithTimeout(ctx, c.exchange)
	defer cancel()
	ref, err := url.Parse(path)
	if err != nil || localPath(path) == "" {
		return nil, &bmc.Error{Kind: bmc.ErrAnswer, Err: fmt.Errorf("it names a resource %q that isn't on it", clean(path, shortText))}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.at.ResolveReference(ref).String(), bytes.NewReader(body))
	if err != nil {
		return nil, &bmc.Error{Kind: bmc.ErrAnswer, Err: err}
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("OData-Version", "4.0")
	req.Header.Set("User-Agent", "rackhand")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Close = c.lonely
	resp, err := c.http.Do(req)
	c.answered = c.answered || err == nil
	if err != nil {
		return nil, c.failed(err, fmt.Sprintf("no answer to %s %s", method, clean(path, shortText)))
	}
	defer resp.Body.Close()
	r := &reply{method: method, path: path, status: resp.StatusCode, header: resp.Header}
	if r.body, err = readBody(resp); err != nil {
		return nil, c.failed(err, fmt.Sprintf("its answer to %s %s broke off", method, clean(path, shortText)))
	}
	return r, nil
}

var errLong = fmt.Errorf("an answer is longer than %d MiB", maxBody>>20)

// readBody reads at most maxBody, twice over: as sent and as unpacked.
func readBody(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > maxBody {
		return nil, errLong
	}
	from := io.Reader(io.LimitReader(resp.Body, maxBody+1))
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "", "identity":
	case "gzip": // not asked for, but some send it
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, fmt.Errorf("%w: gzip was not asked for, and can't be read", errBody)
		}
		from = io.LimitReader(z, maxBody+1)
	default:
		return nil, fmt.Errorf("%w: it is encoded, which was not asked for", errBody)
	}
	body, err := io.ReadAll(from)
	if len(body) > maxBody {
		return nil, errLong
	}
	if errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) {
		err = fmt.Errorf("%w: gzip was not asked for, and can't be read", errBody)
	}
	return body, err
}

var errBody = errors.New("an answer can't be read")
