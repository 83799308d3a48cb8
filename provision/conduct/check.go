package conduct

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision"
)

const (
	checkEvery   = time.Second
	checkTimeout = 5 * time.Second
	checkBody    = 1 << 20
)

// check runs the role's checks from outside until all of them pass in one round.
// Each round looks up host and role again, because the operator may have corrected them.
func (c *Conductor) check(ctx context.Context, in provision.Install) error {
	began, told := c.Journal.Counted(), in.CheckFailed
	for {
		message, within, err := c.round(ctx, in.Host)
		if err == nil {
			return c.tell(in, provision.Event{Source: "check", Kind: "serving", Stage: provision.Serving, Message: message}, nil)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if now, ok := c.Journal.Install(in.Host); !ok || now.ID != in.ID || now.Stage != provision.Converged {
			return nil
		}
		if !told && c.Journal.Counted().Sub(began) > within {
			told = true
			if err := c.tell(in, provision.Event{
				Source: "check", Kind: "check-failed", Level: provision.LevelError,
				Message: fmt.Sprintf("after %s it does not serve: %v; tried on", within, err),
			}, func(in *provision.Install) { in.CheckFailed = true }); err != nil {
				return err
			}
		}
		wait(ctx, checkEvery)
	}
}

// round runs each check once. An error comes with how long that one may fail.
func (c *Conductor) round(ctx context.Context, host string) (message string, within time.Duration, err error) {
	h := c.Snapshot().Hosts[host]
	if h == nil {
		return "", 0, fmt.Errorf("%s is no longer in the inventory", host)
	}
	compiled, err := c.Compile(h)
	if err != nil {
		return "", 0, fmt.Errorf("the role's checks: %w", err)
	}
	if err := incomplete(compiled); err != nil {
		return "", waitingWithin, err
	}
	var passed []string
	for _, chk := range compiled.Checks {
		said, err := probe(ctx, h, chk)
		if err != nil {
			return "", chk.Within, err
		}
		passed = append(passed, said)
	}
	if len(passed) == 0 {
		return "it has converged; its role has no checks", 0, nil
	}
	return "it serves: " + strings.Join(passed, "; "), 0, nil
}

// probe runs one check once and says what it saw.
func probe(ctx context.Context, h *inventory.Host, chk role.Check) (string, error) {
	if chk.HTTP == nil {
		return "", fmt.Errorf("%s: a check of no kind", chk.Source)
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	url := "http://" + net.JoinHostPort(h.Address.String(), strconv.Itoa(chk.HTTP.Port)) + chk.HTTP.Path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	// No redirect is followed: a host must not send the appliance elsewhere.
	client := http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DisableKeepAlives: true},
	}
	res, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("GET %s: %w", url, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, checkBody))
	if err != nil {
		return "", fmt.Errorf("GET %s: %w", url, err)
	}
	if want := chk.HTTP.Status; res.StatusCode != want {
		return "", fmt.Errorf("GET %s: status %d, not %d", url, res.StatusCode, want)
	}
	if want := chk.HTTP.Contains; !strings.Contains(string(body), want) {
		return "", fmt.Errorf("GET %s: the body does not contain %q", url, want)
	}
	return fmt.Sprintf("GET %s answers %d", url, res.StatusCode), nil
}
