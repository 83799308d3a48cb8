package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
)

// Log copies the log of a host's installer, from the given install or the latest one. With
// follow it continues until that install has ended.
func (c *Client) Log(ctx context.Context, host, install string, follow bool, to io.Writer) error {
	q := url.Values{}
	if install != "" {
		q.Set("install", install)
	}
	if follow {
		q.Set("follow", "1")
	}
	res, err := c.do(ctx, http.MethodGet, "/api/hosts/"+url.PathEscape(host)+"/log?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(to, res.Body)
	return err
}
