package client

import (
	"context"
	"net/http"

	"rackhand/provision/orders"
)

// Converge orders a run of hosts.
func (c *Client) Converge(ctx context.Context, r orders.Request) ([]orders.Ordered, error) {
	var o []orders.Ordered
	return o, c.call(ctx, http.MethodPost, "/api/converge", r, &o)
}

// Orders waits for changes of the orders of hosts, up to 20 s.
func (c *Client) Orders(ctx context.Context, r orders.ChangesRequest) (orders.ChangesReply, error) {
	var o orders.ChangesReply
	return o, c.call(ctx, http.MethodPost, "/api/orders", r, &o)
}
