package power

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"
)

const (
	// connectAttempts bounds how often a login is tried while a BMC has no
	// session free; connectPause lies between.
	connectAttempts = 3
	connectPause    = time.Second
	// closePatience bounds the goodbye, which is sent even when the operation's
	// time is over.
	closePatience = 2 * time.Second
)

// A session is an open RMCP+ session. go-ipmi's client isn't safe for concurrent
// calls and panics when closed twice: it is used by one goroutine, in turn, and
// closed in one place.
type session struct {
	c   *client.Client
	log *slog.Logger
}

// connect logs in, and tries again while the BMC has no session free.
func (c *Controller) connect(ctx context.Context, t Target, k *known) (*session, error) {
	for attempt := 1; ; attempt++ {
		s, err := c.negotiate(ctx, t, k)
		if err == nil || attempt >= connectAttempts || !errors.Is(err, ErrSessions) {
			return s, err
		}
		c.log.Debug("BMC has no session free, trying again", "bmc", t)
		if serr := sleep(ctx, connectPause); serr != nil {
			return nil, err
		}
	}
}

// negotiate logs in with the cipher suite that worked the last time, otherwise with 17
// (SHA-256) and then 3 (SHA-1). Asking the BMC for its suites first takes old BMCs seconds,
// and the list is often wrong. A BMC refuses a suite in many ways, silence among them. All
// of them lead to the other suite.
func (c *Controller) negotiate(ctx context.Context, t Target, k *known) (*session, error) {
	suites := []types.CipherSuiteID{types.CipherSuiteID17, types.CipherSuiteID3}
	if k.found && k.suite == types.CipherSuiteID3 {
		suites[0], suites[1] = suites[1], suites[0]
	}
	var failed []failedSuite
	for _, suite := range suites {
		s, err := c.loginAtLevel(ctx, t, suite, k)
		if err == nil {
			k.suite, k.found = suite, true
			return s, nil
		}
		if ctx.Err() != nil || !errors.Is(err, ErrCipher) && !isTimeout(err) {
			return nil, err // of no suite's making
		}
		failed = append(failed, failedSuite{suite, err})
	}
	return nil, noSuite(failed)
}

// loginAtLevel logs in as administrator, and as operator where the BMC refuses
// that for this account: power and boot device need no more (IPMI 2.0 appendix G).
func (c *Controller) loginAtLevel(ctx context.Context, t Target, suite types.CipherSuiteID, k *known) (*session, error) {
	if k.user != t.User {
		k.user, k.operator = t.User, false
	}
	if !k.operator {
		s, err := c.login(ctx, t, suite, types.PrivilegeLevelAdministrator)
		if !isPrivilege(err) {
			return s, err
		}
		c.log.Debug("BMC refuses administrator, trying operator", "bmc", t, "error", err)
	}
	s, err := c.login(ctx, t, suite, types.PrivilegeLevelOperator)
	if isPrivilege(err) {
		k.operator = false // the account may be given more
		return nil, privilegeError(err)
	}
	if err == nil {
		k.operator = true
	}
	return s, err
}

// login goes through IPMI 2.0 §13.15 step by step, so that each step's error
// keeps its type: the library's Connect turns them into one text. It leaves out
// Get Channel Authentication Capabilities, whose answer we have no use for.
func (c *Controller) login(ctx context.Context, t Target, suite types.CipherSuiteID, level types.PrivilegeLevel) (*session, error) {
	cl, err := client.NewClient(t.Address.Addr().String(), int(t.Address.Port()), t.User, t.Password)
	if err != nil {
		return nil, err
	}
	conn, err := c.opts.Dial(ctx, "udp", t.Address.String())
	if err != nil {
		return nil, &Error{Kind: ErrUnreachable, Err: err}
	}
	g, err := newGuard(conn, t, suite, c.log)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	cl.WithTimeout(c.opts.Exchange).WithRetry(c.opts.Retries).WithCipherSuiteID(suite).
		WithMaxPrivilegeLevel(level).WithUDPProxy(dialed{g})
	err = func() error {
		if _, err := cl.OpenSession(ctx); err != nil {
			return classifyOpen(err)
		}
		_, err := cl.RAKPMessage1(ctx)
		if err == nil {
			_, err = cl.RAKPMessage3(ctx)
		}
		if err != nil && isTimeout(err) {
			return &Error{Kind: ErrUnreachable, Err: err, Hint: hintSilentLogin}
		}
		return classify(err)
	}()
	if err != nil {
		// No session is open: there is nothing to say goodbye to.
		_ = g.Close()
		return nil, err
	}
	s := &session{c: cl, log: c.log.With("bmc", t)}
	if err := s.raise(ctx, level); err != nil {
		s.close(ctx)
		return nil, err
	}
	return s, nil
}

// raise asks for the privilege level of the session, which begins as user (IPMI
// 2.0 §22.18), and for operator where a BMC that let an administrator log in then
// refuses that level.
func (s *session) raise(ctx context.Context, level types.PrivilegeLevel) error {
	r, err := s.c.SetSessionPrivilegeLevel(ctx, level)
	if _, refused := types.IsResponseError(err); refused && level > types.PrivilegeLevelOperator {
		s.log.Debug("BMC refuses administrator in the session, trying operator", "error", err)
		r, err = s.c.SetSessionPrivilegeLevel(ctx, types.PrivilegeLevelOperator)
	}
	if _, refused := types.IsResponseError(err); refused {
		return privilegeError(err)
	}
	if err != nil {
		return classify(err)
	}
	switch got := types.PrivilegeLevel(r.PrivilegeLevel & 0x0f); got {
	case types.PrivilegeLevelCallback, types.PrivilegeLevelUser:
		return privilegeError(fmt.Errorf("it grants level %s", got))
	}
	return nil
}

// close ends the session on the BMC and the socket here. The library's goodbye
// must be said even when the operation has run out of time: an open session
// blocks the BMC for a minute.
func (s *session) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
	defer cancel()
	if err := s.c.Close(ctx); err != nil {
		s.log.Debug("BMC session not closed in good order", "error", err)
	}
}

// dialed hands the library a socket that is open already.
type dialed struct{ conn net.Conn }

// Dial implements x/net/proxy's Dialer.
func (d dialed) Dial(string, string) (net.Conn, error) { return d.conn, nil }
