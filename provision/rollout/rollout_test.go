package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/orders"
)

func TestSelect(t *testing.T) {
	known := []provision.HostStatus{
		{Host: "web1", Group: "web", Role: "web", Roles: []string{"web"}},
		{Host: "web2", Group: "web", Role: "web", Roles: []string{"web"}},
		{Host: "db1", Group: "db", Role: "db", Roles: []string{"db"}},
		{Host: "lone"},
		{Host: "52:54:00:00:00:09", Unclaimed: true},
	}
	for _, tt := range []struct {
		s    Selection
		want string
	}{
		{Selection{}, "!no hosts"},
		{Selection{Hosts: []string{"web2", "web1", "web2"}}, "web2 web1"},
		{Selection{Hosts: []string{"web3"}}, "!web3: no such host in the inventory: did you mean"},
		{Selection{Hosts: []string{"52:54:00:00:00:09"}}, "!no such host in the inventory: known here: db1, lone"},
		{Selection{Hosts: []string{"web2"}, Groups: []string{"web"}}, "web2 web1"}, // the canary first
		{Selection{Groups: []string{"web"}, Roles: []string{"db"}}, "db1 web1 web2"},
		{Selection{Groups: []string{"wbe"}}, `!no host is in a group "wbe"`},
		{Selection{Groups: []string{""}}, "!no host is in a group"},
		{Selection{Roles: []string{"mail"}}, `!no host has a role "mail"`},
		{Selection{All: true}, "db1 lone web1 web2"},
	} {
		got, err := Select(tt.s, known)
		text := strings.Join(got, " ")
		if word, bad := strings.CutPrefix(tt.want, "!"); bad && (err == nil || !strings.Contains(err.Error(), word)) || !bad && (err != nil || text != tt.want) {
			t.Errorf("%+v: %s, %v; want %s", tt.s, text, err, tt.want)
		}
	}
}

func TestParseBatch(t *testing.T) {
	for text, want := range map[string]int{"": 40, "1": 1, "50": 40, "10%": 4, "1%": 1, "11%": 5, "100%": 40, "0": 0, "0%": 0, "101%": 0, "-1": 0, "x": 0, "%": 0, "10 %": 0} {
		if got, err := ParseBatch(text, 40); got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
}

// A fakeAppliance is one whose hosts answer as their names say: okN, changedN, failedN,
// goneN (no answer), oldN (refused), slowN (never over), replacedN (another order followed).
type fakeAppliance struct {
	asked []string
	news  []orders.Order
	away  int // how many questions fail
	onGet func()
}

func (f *fakeAppliance) order(_ context.Context, r orders.Request) (out []orders.Ordered, err error) {
	f.asked = append(f.asked, strings.Join(r.Hosts, "+"))
	for _, h := range r.Hosts {
		if strings.HasPrefix(h, "old") {
			out = append(out, orders.Ordered{Host: h, Refused: "its agent has never asked for orders"})
			continue
		}
		o := orders.Order{Order: catalog.Order{ID: "id-" + h, Noop: r.Noop}, Host: h, State: orders.Waiting, Rev: uint64(len(f.news) + 1)}
		placed := o
		out = append(out, orders.Ordered{Host: h, Order: &placed, Connected: !strings.HasPrefix(h, "gone")})
		o.State = orders.Answered
		o.Report = &catalog.Report{Order: o.ID, Noop: r.Noop, Status: catalog.OK, Results: []catalog.Result{{ID: "file[/x]", Status: catalog.OK}}}
		status := strings.TrimRight(h, "0123456789")
		switch status {
		case catalog.Changed, catalog.Failed:
			o.Report.Status = status
			o.Report.Results = append(o.Report.Results, catalog.Result{ID: "file[/y]", Status: status, Message: "because"})
		case "gone":
			o.State, o.Report = orders.Expired, nil
		case "slow":
			o.State, o.Report = orders.Delivered, nil
		case "replaced":
			o.ID, o.State, o.Report = "another", orders.Waiting, nil
		}
		f.news = append(f.news, o)
	}
	return out, nil
}

func (f *fakeAppliance) changes(ctx context.Context, r orders.ChangesRequest) (reply orders.ChangesReply, err error) {
	if f.onGet != nil {
		f.onGet()
	}
	if ctx.Err() != nil {
		return reply, ctx.Err()
	}
	if f.away > 0 {
		f.away--
		return reply, errors.New("connection refused")
	}
	for _, o := range f.news {
		if o.Rev > r.After && slices.Contains(r.Hosts, o.Host) {
			reply.Orders = append(reply.Orders, o)
		}
	}
	reply.Rev = uint64(len(f.news))
	return reply, nil
}

func TestRollout(t *testing.T) {
	for _, tt := range []struct {
		name, hosts      string
		batch, stopAfter int
		asked            string
		exit             int
		says             string // words that stand in what is said, with | between them
	}{
		{"all at once", "ok1 changed1 ok2", 3, 1, "ok1+changed1+ok2", 2, "ok1: ordered|changed1: changed, in 0 s"},
		{"in batches", "ok1 changed1 ok2", 2, 1, "ok1+changed1 ok2", 2, ""},
		{"the canary fails", "failed1 ok1 ok2", 1, 1, "failed1", 4, "failed1: failed, in 0 s: file[/y]: because|stopped: 1 hosts failed|not asked: ok1, ok2"},
		{"one failure is borne", "failed1 ok1 failed2 ok2", 1, 2, "failed1 ok1 failed2", 4, "stopped: 2 hosts failed|not asked: ok2"},
		{"any failures are borne", "failed1 failed2 changed1", 1, 0, "failed1 failed2 changed1", 6, ""},
		{"failures in the last batch", "ok1 failed1", 1, 1, "ok1 failed1", 4, ""},
		{"no answer counts as a failure", "gone1 ok1", 1, 1, "gone1", 1, "its agent is not connected|gone1: no answer|not asked: ok1"},
		{"another order followed", "replaced1 ok1", 1, 1, "replaced1", 1, "replaced1: no answer: another order took its place|not asked: ok1"},
		{"a refusal doesn't", "old1 ok1", 1, 1, "old1 ok1", 1, "old1: not ordered: its agent has never asked"},
	} {
		f := &fakeAppliance{away: 1}
		var said []string
		r, err := Run(t.Context(), Options{
			Hosts: strings.Fields(tt.hosts), Batch: tt.batch, StopAfter: tt.stopAfter, Wait: true, Order: f.order, Changes: f.changes,
			Sleep: func(context.Context, time.Duration) error { return nil }, Line: func(s string) { said = append(said, s) },
		})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(said, "\n")
		if got := strings.Join(f.asked, " "); got != tt.asked || r.ExitCode() != tt.exit {
			t.Errorf("%s: asked %s, exit %d; want %s, %d\n%s", tt.name, got, r.ExitCode(), tt.asked, tt.exit, text)
		}
		for word := range strings.SplitSeq(tt.says, "|") {
			if !strings.Contains(text, word) {
				t.Errorf("%s: it lacks %q:\n%s", tt.name, word, text)
			}
		}
	}
}

// TestInterrupted: what was ordered goes on and is named, as is what was not.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fakeAppliance{}
	gets := 0
	f.onGet = func() {
		if gets++; gets == 3 {
			cancel()
		}
	}
	var said []string
	r, err := Run(ctx, Options{
		Hosts: []string{"ok1", "slow1", "ok2"}, Batch: 2, Wait: true, Order: f.order, Changes: f.changes, Line: func(s string) { said = append(said, s) },
	})
	text := strings.Join(said, "\n")
	if err != nil || r.ExitCode() != 1 || len(f.asked) != 1 || !strings.Contains(text, "stopped: interrupted\nordered, and going on: slow1\nnot asked: ok2") {
		t.Errorf("%v, exit %d, asked %v\n%s", err, r.ExitCode(), f.asked, text)
	}
}

// TestInterruptedWhileOrdering: an interrupt at that moment doesn't cut off the ordering, so
// it is known which hosts have their order.
func TestInterruptedWhileOrdering(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fakeAppliance{}
	var said []string
	r, err := Run(ctx, Options{
		Hosts: []string{"ok1", "ok2"}, Batch: 1, Changes: f.changes, Line: func(s string) { said = append(said, s) },
		Order: func(ctx context.Context, r orders.Request) ([]orders.Ordered, error) {
			cancel()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return f.order(ctx, r)
		},
	})
	text := strings.Join(said, "\n")
	if err != nil || r.ExitCode() != 1 || !strings.Contains(text, "ordered, and going on: ok1\nnot asked: ok2") {
		t.Errorf("%v, exit %d\n%s", err, r.ExitCode(), text)
	}
}

// TestTable: one line a host, and nothing that a host says moves the terminal.
func TestTable(t *testing.T) {
	f := &fakeAppliance{}
	r, err := Run(t.Context(), Options{Hosts: []string{"ok1", "changed1", "failed1", "gone1", "old1"}, Batch: 5, Noop: true, Wait: true, Order: f.order, Changes: f.changes})
	if err != nil {
		t.Fatal(err)
	}
	r.Hosts[2].Report.Results[1].Message = "evil\x1b[2J\u202e\nweb9 ok"
	var b strings.Builder
	if err := r.Table(&b); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"HOST      RESULT        CHANGED  FAILED  HELD  NOTE", "ok1       ok            0        0       1", "changed1  would change  1        0       1",
		`failed1   failed        0        1       1     file[/y]: evil\x1b[2J\u202e web9 ok`, "gone1     no answer     -        -       -     its agent did not ask", "old1      not ordered   -        -       -     its agent has never",
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	for i, line := range lines {
		if i >= len(want) || !strings.HasPrefix(line, want[i]) {
			t.Errorf("line %d: %q", i, line)
		}
	}
	if got := fmt.Sprint(r.Hosts[1].Lines()); got != "[changed1: would change, in 0 s     would change file[/y]: because]" {
		t.Errorf("a dry run says %s", got)
	}
}
