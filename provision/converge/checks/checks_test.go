package checks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// programs runs real programs, but answers for systemctl and runuser.
type programs struct {
	systemctl, runuser command.Output
	mu                 sync.Mutex
	calls              []string
}

func (p *programs) Run(ctx context.Context, env []string, args ...string) (command.Output, error) {
	p.mu.Lock()
	p.calls = append(p.calls, strings.Join(args, " "))
	p.mu.Unlock()
	switch args[0] {
	case "systemctl":
		return p.systemctl, nil
	case "env":
		return p.runuser, nil
	}
	return command.Exec{Grace: time.Second}.Run(ctx, env, args...)
}

// clock goes forward when someone sleeps.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

func checker(p *programs) (Checker, *clock) {
	c := &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	return Checker{
		Runner: p, Clock: c.Now, Sleep: c.Sleep, Log: slog.New(slog.DiscardHandler),
		Bound: func(ctx context.Context, _ string, _ time.Duration, work func(context.Context) error) error {
			return work(ctx)
		},
	}, c
}

// on is a check on the host, with what every one has.
func on(c catalog.Check) catalog.Check {
	c.From, c.Source = catalog.FromHost, "roles/web.yaml:3:5"
	if c.Within == 0 {
		c.Within = 1
	}
	if c.Deadline == 0 {
		c.Deadline = 20
	}
	return c
}

const failedNow = `nginx.service loaded failed failed A high performance web server
● user@1000.service loaded failed failed User Manager for UID 1000
mnt-a\x20b.mount loaded failed failed /mnt/a b
`

// TestHost: what checks on the host say, of programs and of systemd.
func TestHost(t *testing.T) {
	exec := func(e catalog.ExecCheck, args ...string) catalog.Check {
		e.Command = args
		return catalog.Check{Exec: &e}
	}
	for _, tt := range []struct {
		name  string
		check catalog.Check
		out   string // of systemctl
		want  string // "" when it passes
	}{
		{"exec", exec(catalog.ExecCheck{}, "true"), "", ""},
		{"exit", exec(catalog.ExecCheck{}, "sh", "-c", "echo it is broken >&2; exit 3"), "", "exec sh -c echo it is broken >&2; exit 3: exit status 0 was expected: exit status 3: it is broken"},
		{"another exit", exec(catalog.ExecCheck{Exit: 3}, "sh", "-c", "exit 3"), "", ""},
		{"not there", exec(catalog.ExecCheck{}, "/no/such"), "", "cannot run /no/such"},
		{"contains", exec(catalog.ExecCheck{Content: catalog.Content{Contains: "b"}}, "sh", "-c", "echo a; echo b >&2"), "", ""},
		{"contains not", exec(catalog.ExecCheck{Content: catalog.Content{Contains: "c"}}, "sh", "-c", "echo a; echo b >&2"), "", `its output does not contain "c", it is: a b`},
		{"matches", exec(catalog.ExecCheck{Content: catalog.Content{Matches: "^a[0-9]+$"}}, "echo", "a1\n"), "", `its output does not match "^a[0-9]+$", it is: a1`},
		{"much output", exec(catalog.ExecCheck{Content: catalog.Content{Contains: "y"}}, "sh", "-c", "yes | head -c 20000000"), "", ""},
		{"deadline", catalog.Check{Deadline: 1, Exec: &catalog.ExecCheck{Command: []string{"sleep", "1000"}}}, "", "sleep was ended: the deadline of 1s has passed"},
		{"user", exec(catalog.ExecCheck{User: "nobody-there"}, "true"), "", "exit status 1: runuser: user nobody-there does not exist"},
		{"systemd", catalog.Check{Systemd: &catalog.SystemdCheck{}}, "", ""},
		{"failed", catalog.Check{Systemd: &catalog.SystemdCheck{}}, failedNow, `3 failed, at most 0 may: nginx.service, user@1000.service, mnt-a\x20b.mount`},
		{"some may", catalog.Check{Systemd: &catalog.SystemdCheck{Failed: 3}}, failedNow, ""},
		{"except", catalog.Check{Systemd: &catalog.SystemdCheck{Except: []string{"user@*.service", "*.mount"}}}, failedNow, `1 failed, at most 0 may: nginx.service`},
		{"all but", catalog.Check{Systemd: &catalog.SystemdCheck{Except: []string{"*.mount", "nginx.service", "user@1000.service"}}}, failedNow, ""},
		{"many failed", catalog.Check{Systemd: &catalog.SystemdCheck{}}, strings.Repeat("a.service loaded failed failed A\n", 500), "a.service and 490 more"},
		{"not known", catalog.Check{Problem: "this agent can't run it"}, "", "this agent can't run it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, _ := checker(&programs{systemctl: command.Output{Stdout: tt.out}, runuser: command.Output{Code: 1, Stderr: "runuser: user nobody-there does not exist\n"}})
			r := k.All(t.Context(), []catalog.Check{on(tt.check)}, 0)[0]
			if (r.Status == catalog.OK) != (tt.want == "") || !strings.Contains(r.Message, tt.want) || len(r.Message) > 2000 || strings.ContainsAny(r.Message, "\n\x1b") || r.Source != "roles/web.yaml:3:5" {
				t.Errorf("%+v, want %q", r, tt.want)
			}
		})
	}
}

// TestUser: a program runs as the user, by its name.
func TestUser(t *testing.T) {
	p := &programs{}
	k, _ := checker(p)
	k.All(t.Context(), []catalog.Check{on(catalog.Check{Exec: &catalog.ExecCheck{Command: []string{"psql", "-c", "x"}, User: "postgres"}})}, 0)
	if len(p.calls) != 1 || !strings.HasPrefix(p.calls[0], "env -i PATH=") || !strings.HasSuffix(p.calls[0], " runuser -u postgres -- psql -c x") {
		t.Errorf("%q", p.calls)
	}
}

// TestWithin: a check that fails is repeated for its time, and no longer than the patience of
// all of them; one whose time is short ends earlier.
func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		within, patience int
		passesAt         int // s; -1 for never
		tries            int
		ok               bool
	}{
		{60, 120, 0, 1, true},
		{60, 120, 5, 6, true},
		{60, 120, -1, 61, false},
		{3600, 120, -1, 121, false},
		{3600, 120, 121, 121, false},
		{60, 0, -1, 1, false}, // something else has failed
		{60, 0, 1, 1, false},
	} {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			k, c := checker(&programs{})
			began, tries := c.Now(), 0
			k.Bound = func(ctx context.Context, _ string, _ time.Duration, work func(context.Context) error) error {
				tries++
				if tt.passesAt < 0 || c.Now().Sub(began) < time.Duration(tt.passesAt)*time.Second {
					return errors.New("not yet")
				}
				return work(ctx)
			}
			r := k.All(t.Context(), []catalog.Check{on(catalog.Check{Within: tt.within, Exec: &catalog.ExecCheck{Command: []string{"true"}}})}, time.Duration(tt.patience)*time.Second)[0]
			if tries != tt.tries || (r.Status == catalog.OK) != tt.ok || r.Seconds != float64(tt.tries-1) {
				t.Errorf("%d tries, %+v", tries, r)
			}
		})
	}
}

// TestOrder: the results stand in the order of the checks, however many there are; a run that
// ends leaves none out.
func TestOrder(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	number, _ := strconv.Atoi(port)
	var list []catalog.Check
	for i := range 40 {
		list = append(list, on(catalog.Check{HTTP: &catalog.HTTPCheck{Address: "127.0.0.1", Port: number, Path: fmt.Sprintf("/%d", i), Method: "GET", Status: []int{404}}}))
	}
	k, _ := checker(&programs{})
	for _, ended := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		if ended {
			cancel()
		}
		for i, r := range k.All(ctx, list, time.Hour) {
			if !strings.HasSuffix(r.Check, fmt.Sprintf("/%d", i)) || (r.Status == catalog.OK) == ended {
				t.Errorf("ended %v, %d: %+v", ended, i, r)
			}
		}
		cancel()
	}
}

// TestLeftBehind: a check that hangs doesn't write to a result that was read already.
func TestLeftBehind(t *testing.T) {
	k, _ := checker(&programs{})
	var hung sync.WaitGroup
	release := make(chan struct{})
	k.Bound = func(ctx context.Context, _ string, _ time.Duration, work func(context.Context) error) error {
		hung.Go(func() { <-release; work(ctx) })
		return os.ErrDeadlineExceeded
	}
	r := k.All(t.Context(), []catalog.Check{on(catalog.Check{Exec: &catalog.ExecCheck{Command: []string{"true"}}})}, 0)[0]
	close(release)
	hung.Wait()
	if r.Status != catalog.Failed {
		t.Errorf("%+v", r)
	}
}
