package appliance

import (
	"context"
	"slices"

	"rackhand/provision"
	"rackhand/provision/why"
)

// History, EventsOf, Explain and Numbered make source a page.HistorySource.
func (s source) History(ctx context.Context, host string) ([]provision.Install, error) {
	all, err := s.past(ctx, host)
	for i := range all {
		all[i] = s.a.journal.Shown(all[i]).Public()
	}
	return all, err
}

func (s source) EventsOf(ctx context.Context, host, install string, limit int) ([]provision.Event, error) {
	in, ok, err := s.pastInstall(ctx, host, install)
	if err != nil || !ok {
		return nil, err
	}
	return s.a.journal.EventsOf(ctx, in, limit)
}

// explainFrom bounds the events of an earlier install that its diagnosis reads.
const explainFrom = 400

func (s source) Explain(ctx context.Context, host, install string) (*provision.Stuck, error) {
	in, ok, err := s.pastInstall(ctx, host, install)
	if err != nil || !ok || in.Stage != provision.Failed {
		return nil, err
	}
	declared := s.a.operator.Snapshot().Hosts[host]
	if declared == nil {
		return nil, nil
	}
	events, err := s.a.journal.EventsOf(ctx, in, explainFrom)
	if err != nil {
		return nil, err
	}
	return why.Diagnose(why.Case{Host: declared, Install: in, Events: events}, in.Ended).Shown(in.Offset), nil
}

func (s source) Numbered(ctx context.Context, seqs []uint64) ([]provision.Event, error) {
	return s.a.journal.Numbered(ctx, seqs)
}

// past are the installs and jobs on record of a host, in counted time.
func (s source) past(ctx context.Context, host string) ([]provision.Install, error) {
	all, err := s.a.journal.History(ctx, host)
	if err != nil {
		return nil, err
	}
	jobs, err := s.a.journal.JobHistory(ctx, host)
	return append(all, jobs...), err
}

func (s source) pastInstall(ctx context.Context, host, install string) (in provision.Install, ok bool, err error) {
	all, err := s.past(ctx, host)
	i := slices.IndexFunc(all, func(in provision.Install) bool { return in.ID == install })
	if err != nil || i < 0 {
		return provision.Install{}, false, err
	}
	return all[i], true, nil
}
