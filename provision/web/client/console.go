package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// A Console is an open serial console of a host: what is read was printed there, what is
// written is typed.
type Console struct{ conn io.ReadWriteCloser }

// Console attaches to a host's console.
func (c *Client) Console(ctx context.Context, host string, takeover, readOnly bool) (*Console, error) {
	q := url.Values{}
	if takeover {
		q.Set("takeover", "1")
	}
	if readOnly {
		q.Set("readonly", "1")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://rackhand/api/hosts/"+url.PathEscape(host)+"/console?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "rackhand-console")
	res, err := c.send(req)
	if err != nil {
		return nil, err
	}
	conn, ok := res.Body.(io.ReadWriteCloser)
	if !ok || res.StatusCode != http.StatusSwitchingProtocols {
		res.Body.Close()
		return nil, errors.New("the appliance doesn't serve consoles: it is an older one")
	}
	return &Console{conn}, nil
}

// ConsoleLog returns the end of a host's console, as it was kept.
func (c *Client) ConsoleLog(ctx context.Context, host string) (string, error) {
	var text string
	return text, c.call(ctx, http.MethodGet, "/api/hosts/"+url.PathEscape(host)+"/console/log", nil, &text)
}

// Read returns what the box printed.
func (c *Console) Read(b []byte) (int, error) { return c.conn.Read(b) }

// Write types.
func (c *Console) Write(b []byte) (int, error) {
	// 00h marks a break, and is doubled.
	if _, err := c.conn.Write(bytes.ReplaceAll(b, []byte{0}, []byte{0, 0})); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Break sends a serial break.
func (c *Console) Break() error {
	_, err := c.conn.Write([]byte{0, 'B'})
	return err
}

// Close detaches.
func (c *Console) Close() error { return c.conn.Close() }
