package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"rackhand/provision/hostfacts"
)

// Facts returns what the agent of a host has said of it.
func (c *Client) Facts(ctx context.Context, host string) (hostfacts.Kept, error) {
	var k hostfacts.Kept
	return k, c.call(ctx, http.MethodGet, "/api/hosts/"+url.PathEscape(host)+"/facts", nil, &k)
}

// AllFacts returns the facts of all hosts that have any, by host.
func (c *Client) AllFacts(ctx context.Context) (map[string]json.RawMessage, error) {
	var all map[string]json.RawMessage
	return all, c.call(ctx, http.MethodGet, "/api/facts", nil, &all)
}
