package client

import (
	"context"
	"net/http"

	"rackhand/provision/web"
)

// Converge orders a run of hosts.
func (c *Client) Converge(ctx context.Context, r web.ConvergeRequest) ([]web.Ordered, error) {
	var o []web.Ordered
	return o, c.call(ctx, http.MethodPost, "/api/converge", r, &o)
}

// Orders waits for changes of the orders of hosts, up to 20 s.
func (c *Client) Orders(ctx context.Context, r web.OrdersRequest) (web.OrdersReply, error) {
	var o web.OrdersReply
	return o, c.call(ctx, http.MethodPost, "/api/orders", r, &o)
}
