package power

import (
	"context"
	"errors"
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

// connect logs in, with the cipher suite that worked the last time, else 17
// (SHA-256) and then 3 (SHA-1). Asking the BMC for its suites first costs old
// ones seconds.
func (c *Controller) connect(ctx context.Context, t Target, k *known) (*session, error) {
	suites := []types.CipherSuiteID{types.CipherSuiteID17, types.CipherSuiteID3}
	if k.found && k.suite == types.CipherSuiteID3 {
		suites[0], suites[1] = suites[1], suites[0]
	}
	for attempt := 1; ; attempt++ {
		var err error
		for _, suite := range suites {
			var s *session
			if s, err = c.login(ctx, t, suite); err == nil {
				k.suite, k.found = suite, true
				return s, nil
			}
			if !errors.Is(err, ErrCipher) {
				break
			}
		}
		if attempt >= connectAttempts || !errors.Is(err, ErrSessions) {
			return nil, err
		}
		c.log.Debug("BMC has no session free, trying again", "bmc", t)
		if serr := sleep(ctx, connectPause); serr != nil {
			return nil, err
		}
	}
}

// login goes through IPMI 2.0 §13.15 step by step, so that each step's error
// keeps its type: the library's Connect turns them into one text. It leaves out
// Get Channel Authentication Capabilities, whose answer we have no use for.
func (c *Controller) login(ctx context.Context, t Target, suite types.CipherSuiteID) (*session, error) {
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
		WithMaxPrivilegeLevel(types.PrivilegeLevelAdministrator).WithUDPProxy(dialed{g})
	err = func() error {
		if _, err := cl.OpenSession(ctx); err != nil {
			return classify(err)
		}
		_, err := cl.RAKPMessage1(ctx)
		if err == nil {
			_, err = cl.RAKPMessage3(ctx)
		}
		if err != nil && isTimeout(err) {
			return &Error{Kind: ErrUnreachable, Err: err, Hint: "it answered at first and fell silent at the login: some BMCs do so for a user that they don't know"}
		}
		return classify(err)
	}()
	if err != nil {
		// No session is open: there is nothing to say goodbye to.
		_ = g.Close()
		return nil, err
	}
	s := &session{c: cl, log: c.log.With("bmc", t)}
	if _, err := cl.SetSessionPrivilegeLevel(ctx, types.PrivilegeLevelAdministrator); err != nil {
		s.close(ctx)
		if _, refused := types.IsResponseError(err); refused {
			return nil, &Error{Kind: ErrCredentials, Err: err}
		}
		return nil, classify(err)
	}
	return s, nil
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
