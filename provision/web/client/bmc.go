package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"rackhand/provision/bmc"
)

func bmcPath(host, rest string) string { return "/api/hosts/" + url.PathEscape(host) + "/bmc" + rest }

// BMC returns a first look at a host's BMC.
func (c *Client) BMC(ctx context.Context, host string) (bmc.Overview, error) {
	var v bmc.Overview
	return v, c.call(ctx, http.MethodGet, bmcPath(host, ""), nil, &v)
}

// BMCPart reads one part of a BMC.
func (c *Client) BMCPart(ctx context.Context, host string, p bmc.ReportPart) (bmc.Overview, error) {
	var v bmc.Overview
	return v, c.call(ctx, http.MethodGet, bmcPath(host, "/"+string(p)), nil, &v)
}

// BMCQuirks says which quirks of a host's BMC are in force. The BMC isn't asked.
func (c *Client) BMCQuirks(ctx context.Context, host string) (bmc.QuirkReport, error) {
	var r bmc.QuirkReport
	return r, c.call(ctx, http.MethodGet, bmcPath(host, "/quirks"), nil, &r)
}

// BMCLog returns the latest entries of a BMC's event log, at most that many.
func (c *Client) BMCLog(ctx context.Context, host string, most int) (bmc.Overview, error) {
	var v bmc.Overview
	return v, c.call(ctx, http.MethodGet, bmcPath(host, fmt.Sprintf("/log?most=%d", most)), nil, &v)
}

// ClearBMCLog clears a BMC's event log.
func (c *Client) ClearBMCLog(ctx context.Context, host string) error {
	return c.call(ctx, http.MethodDelete, bmcPath(host, "/log"), nil, nil)
}

// Identify switches a host's identify lamp.
func (c *Client) Identify(ctx context.Context, host string, on bool) error {
	return c.call(ctx, http.MethodPost, bmcPath(host, "/identify"), bmc.IdentifyRequest{On: on}, nil)
}

// Interrupt sends a host's system a diagnostic interrupt.
func (c *Client) Interrupt(ctx context.Context, host string) error {
	return c.call(ctx, http.MethodPost, bmcPath(host, "/nmi"), struct{}{}, nil)
}

// SoftOff asks a host's system to shut down, and waits until the box is off.
func (c *Client) SoftOff(ctx context.Context, host string, r bmc.SoftOffRequest) (bmc.SoftOffReply, error) {
	var s bmc.SoftOffReply
	return s, c.call(ctx, http.MethodPost, bmcPath(host, "/soft-off"), r, &s)
}

// SetBMCBoot sets a boot override, and returns it as read back.
func (c *Client) SetBMCBoot(ctx context.Context, host string, r bmc.BootRequest) (bmc.Override, error) {
	var b bmc.Override
	return b, c.call(ctx, http.MethodPost, bmcPath(host, "/boot"), r, &b)
}

// SetBMCNetwork changes the settings of a BMC's own port, and returns them.
func (c *Client) SetBMCNetwork(ctx context.Context, host string, r bmc.NetworkRequest) (bmc.Network, error) {
	var n bmc.Network
	return n, c.call(ctx, http.MethodPost, bmcPath(host, "/network"), r, &n)
}

// SetBMCUser changes an account of a BMC, and returns it.
func (c *Client) SetBMCUser(ctx context.Context, host string, r bmc.UserRequest) (bmc.Account, error) {
	var a bmc.Account
	return a, c.call(ctx, http.MethodPost, bmcPath(host, "/users"), r, &a)
}
