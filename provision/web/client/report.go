package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"rackhand/provision/reports"
)

// Report returns a host's latest report, or the one with a number other than 0.
func (c *Client) Report(ctx context.Context, host string, number uint64) (reports.Kept, error) {
	path := "/api/hosts/" + url.PathEscape(host) + "/report"
	if number > 0 {
		path += fmt.Sprintf("?number=%d", number)
	}
	var k reports.Kept
	return k, c.call(ctx, http.MethodGet, path, nil, &k)
}

// Reports returns all reports of a host that are kept, newest first.
func (c *Client) Reports(ctx context.Context, host string) ([]reports.Kept, error) {
	var all []reports.Kept
	return all, c.call(ctx, http.MethodGet, "/api/hosts/"+url.PathEscape(host)+"/reports", nil, &all)
}
