package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"rackhand/provision"
	"rackhand/provision/bmc/poll"
	"rackhand/provision/installlog"
)

// source is the status page's view of the appliance.
type source struct{ a *Appliance }

func (s source) Hosts(ctx context.Context) ([]provision.HostStatus, error) {
	st, err := s.a.operator.Status(ctx)
	return st.Hosts, err
}

func (s source) Events(ctx context.Context, host string, limit int) ([]provision.Event, error) {
	return s.a.journal.Events(ctx, host, limit)
}

func (s source) Subscribe(ctx context.Context, after uint64) (<-chan provision.Event, error) {
	return s.a.journal.Subscribe(ctx, after)
}

// BMC makes it a page.BMCSource.
func (s source) BMC(host string) (poll.Latest, bool) { return s.a.poller.Latest(host) }

// HasLog and Log make it a page.LogSource.
func (s source) HasLog(install string) bool { return s.a.logs.Has(install) }

func (s source) Log(install string) (io.ReadSeekCloser, error) {
	f, err := s.a.logs.Open(install)
	if errors.Is(err, installlog.ErrNoLog) {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (s source) Problems() []string { return s.a.problems() }

// inForce goes with the problems of an inventory that was not taken in.
const inForce = "    the last good inventory stays in force until this is mended\n"

// rolesInForce goes with the problems of roles.
const rolesInForce = "    the hosts of a broken role stay on its last good version until this is mended\n"

func (a *Appliance) problems() []string {
	var out []string
	for _, p := range a.holder.Problems() {
		out = append(out, p.String())
	}
	if n := len(out); n > 0 {
		out[n-1] += inForce
	}
	if roles := a.roles.Load(); roles != nil {
		for _, p := range roles.Problems {
			out = append(out, p.String())
		}
		if n := len(roles.Problems); n > 0 {
			out[len(out)-1] += rolesInForce
		}
	}
	for _, p := range a.lacking.Problems(a.supply, a.Clock()) {
		out = append(out, p.String())
	}
	out = append(out, a.agentProblems()...)
	return append(out, a.gate.Problems()...)
}
