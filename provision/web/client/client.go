// Package client is the operator's side of the appliance's unix socket.
package client

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rackhand/provision"
)

// A Client speaks to one appliance.
type Client struct {
	http   *http.Client
	socket string
}

// New makes a client of the appliance that listens on a unix socket.
func New(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial}}, socket: socket}
}

// Status returns the status of the appliance and of all hosts.
func (c *Client) Status(ctx context.Context) (provision.Status, error) {
	var s provision.Status
	return s, c.call(ctx, http.MethodGet, "/api/status", nil, &s)
}

// Events returns the last events, oldest first: a host's, or all when host is empty.
func (c *Client) Events(ctx context.Context, host string) ([]provision.Event, error) {
	var e []provision.Event
	return e, c.call(ctx, http.MethodGet, "/api/hosts/"+url.PathEscape(cmp.Or(host, "*"))+"/events", nil, &e)
}

// Why returns the status of a host, why it is stuck, and the events that show it.
func (c *Client) Why(ctx context.Context, host string) (provision.WhyReply, error) {
	var r provision.WhyReply
	return r, c.call(ctx, http.MethodGet, "/api/hosts/"+url.PathEscape(host)+"/why", nil, &r)
}

// Backup returns the appliance's backup as it comes. The caller closes it.
func (c *Client) Backup(ctx context.Context) (io.ReadCloser, error) {
	res, err := c.do(ctx, http.MethodGet, "/api/backup", nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// Install arms a host.
func (c *Client) Install(ctx context.Context, host string, r provision.InstallRequest) (provision.Install, error) {
	var in provision.Install
	return in, c.call(ctx, http.MethodPost, "/api/hosts/"+host+"/install", r, &in)
}

// Job arms a rescue, wipe or burn-in of a host.
func (c *Client) Job(ctx context.Context, host string, r provision.JobRequest) (provision.Install, error) {
	var in provision.Install
	return in, c.call(ctx, http.MethodPost, "/api/hosts/"+url.PathEscape(host)+"/job", r, &in)
}

// LastJob returns a host's latest rescue, wipe or burn-in, and its results.
func (c *Client) LastJob(ctx context.Context, host string) (provision.JobReply, error) {
	var r provision.JobReply
	return r, c.call(ctx, http.MethodGet, "/api/hosts/"+url.PathEscape(host)+"/job", nil, &r)
}

// Cancel ends the install or job under way.
func (c *Client) Cancel(ctx context.Context, host string) error {
	return c.call(ctx, http.MethodPost, "/api/hosts/"+host+"/cancel", struct{}{}, nil)
}

// Revoke revokes a host's certificate.
func (c *Client) Revoke(ctx context.Context, host string) error {
	return c.call(ctx, http.MethodPost, "/api/hosts/"+url.PathEscape(host)+"/revoke", struct{}{}, nil)
}

// Enrol lets a host enrol once more, and returns the token for it.
func (c *Client) Enrol(ctx context.Context, host string) (provision.EnrolmentReply, error) {
	var r provision.EnrolmentReply
	return r, c.call(ctx, http.MethodPost, "/api/hosts/"+url.PathEscape(host)+"/enrol", struct{}{}, &r)
}

// CA returns the state of a change of the appliance's CA.
func (c *Client) CA(ctx context.Context) (provision.CAStatus, error) {
	var r provision.CAStatus
	return r, c.call(ctx, http.MethodGet, "/api/ca", nil, &r)
}

// ChangeCA begins a change of the CA, or takes its next step.
func (c *Client) ChangeCA(ctx context.Context, r provision.CARequest) (provision.CAStatus, error) {
	var st provision.CAStatus
	return st, c.call(ctx, http.MethodPost, "/api/ca", r, &st)
}

// Release continues the attempt that waits for the operator.
func (c *Client) Release(ctx context.Context, host string) (provision.Install, error) {
	var in provision.Install
	return in, c.call(ctx, http.MethodPost, "/api/hosts/"+url.PathEscape(host)+"/release", struct{}{}, &in)
}

// Power carries out on, off, cycle, reset or status.
func (c *Client) Power(ctx context.Context, host, action string) (string, error) {
	var r provision.PowerReply
	return r.Seen, c.call(ctx, http.MethodPost, "/api/hosts/"+host+"/power/"+action, struct{}{}, &r)
}

// Audit asks the appliance to audit BMCs. It takes minutes where many don't answer.
func (c *Client) Audit(ctx context.Context, r provision.AuditRequest) (provision.Audit, error) {
	var a provision.Audit
	return a, c.call(ctx, http.MethodPost, "/api/bmc/audit", r, &a)
}

// Prefetch fills the appliance's mirror cache for the hosts of a system.
func (c *Client) Prefetch(ctx context.Context, system string) (provision.Prefetched, error) {
	var p provision.Prefetched
	return p, c.call(ctx, http.MethodPost, "/api/systems/"+url.PathEscape(system)+"/prefetch", struct{}{}, &p)
}

// MirrorList lists the files in the appliance's mirror cache at a place: NAME/PATH, a folder
// with a slash at its end, or "" for everything.
func (c *Client) MirrorList(ctx context.Context, at string) ([]provision.MirrorFile, error) {
	var files []provision.MirrorFile
	return files, c.call(ctx, http.MethodGet, mirrorPath(at), nil, &files)
}

// MirrorForget removes the files in the appliance's mirror cache at a place.
func (c *Client) MirrorForget(ctx context.Context, at string) (provision.MirrorForgotten, error) {
	var f provision.MirrorForgotten
	return f, c.call(ctx, http.MethodDelete, mirrorPath(at), nil, &f)
}

func mirrorPath(at string) string { return "/api/mirror?" + url.Values{"at": {at}}.Encode() }

// Watch calls each for every event after a number, until it returns false, ctx
// ends or the appliance goes away. It returns the number of the last event.
func (c *Client) Watch(ctx context.Context, after uint64, each func(provision.Event) bool) (uint64, error) {
	enough := errors.New("enough")
	err := stream(ctx, c, "events", fmt.Sprintf("/api/events?after=%d", after), func(e provision.Event) error {
		after = e.Seq
		if !each(e) {
			return enough
		}
		return nil
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return after, err
}

// stream calls each for every JSON line of an answer, until that fails, ctx ends or the
// appliance goes away. It returns io.EOF when the appliance ended the stream.
func stream[T any](ctx context.Context, c *Client, what, path string, each func(T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	// The appliance sends an empty line every 5 s: silence means that it is gone.
	silence := time.AfterFunc(20*time.Second, cancel)
	defer silence.Stop()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		silence.Reset(20 * time.Second)
		if len(lines.Bytes()) == 0 {
			continue
		}
		var line T
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return fmt.Errorf("reading %s: %w", what, err)
		}
		if err := each(line); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	return io.EOF
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	res, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	return json.NewDecoder(io.LimitReader(res.Body, 64<<20)).Decode(out)
}

func (c *Client) do(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://rackhand"+path, body)
	if err != nil {
		return nil, err
	}
	return c.send(req)
}

// send sends a request; an answer that isn't a success is an error.
func (c *Client) send(req *http.Request) (*http.Response, error) {
	res, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(c.socket, err)
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		return nil, fmt.Errorf("the appliance says: %s", strings.TrimSpace(string(text)))
	}
	return res, nil
}
