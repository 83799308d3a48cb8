package ipmi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

const (
	// connectAttempts bounds how often a login is tried while a BMC has no
	// session free; connectPause lies between.
	connectAttempts = 3
	connectPause    = time.Second
)

// connect logs in, and tries again while the BMC has no session free.
func (d Driver) connect(ctx context.Context, t bmc.Target, m *bmc.Memory) (*link, error) {
	for attempt := 1; ; attempt++ {
		l, err := d.negotiate(ctx, t, m)
		if err == nil || attempt >= connectAttempts || !errors.Is(err, bmc.ErrSessions) {
			return l, err
		}
		d.log().Debug("BMC has no session free, trying again", "bmc", t)
		if d.sleep(ctx, connectPause) != nil {
			return nil, err
		}
	}
}

// negotiate logs in with the cipher suite that worked the last time, otherwise with 17
// (SHA-256) and then 3 (SHA-1). Asking the BMC for its suites first takes old BMCs seconds,
// and the list is often wrong. A BMC refuses a suite in many ways, silence among them. All
// of them lead to the other suite.
func (d Driver) negotiate(ctx context.Context, t bmc.Target, m *bmc.Memory) (*link, error) {
	suites := []types.CipherSuiteID{types.CipherSuiteID17, types.CipherSuiteID3}
	if m.Suite == int(types.CipherSuiteID3) {
		suites[0], suites[1] = suites[1], suites[0]
	}
	var failed []failedSuite
	for _, suite := range suites {
		l, err := d.loginAtLevel(ctx, t, suite, m)
		if err == nil {
			m.Suite = int(suite)
			return l, nil
		}
		if ctx.Err() != nil || !errors.Is(err, bmc.ErrCipher) && !isTimeout(err) {
			return nil, err // of no suite's making
		}
		failed = append(failed, failedSuite{suite, err})
	}
	return nil, noSuite(failed)
}

// loginAtLevel logs in with the privilege that the target asks for. Where the BMC refuses
// administrator, the session is an operator's: power and boot device need no more (IPMI 2.0
// appendix G). An account that was refused administrator isn't asked for it each time.
func (d Driver) loginAtLevel(ctx context.Context, t bmc.Target, suite types.CipherSuiteID, m *bmc.Memory) (*link, error) {
	if m.Account != t.User {
		m.Account, m.Privilege = t.User, ""
	}
	level := types.PrivilegeLevelOperator
	if t.Privilege == bmc.Administrator && m.Privilege != bmc.Operator {
		level = types.PrivilegeLevelAdministrator
	}
	l, err := d.login(ctx, t, suite, level)
	if errors.Is(err, bmc.ErrPrivilege) && level > types.PrivilegeLevelOperator {
		d.log().Debug("BMC refuses administrator, trying operator", "bmc", t, "error", err)
		if l, err = d.login(ctx, t, suite, types.PrivilegeLevelOperator); err == nil {
			m.Privilege = bmc.Operator
		}
	} else if err == nil && l.level < level {
		m.Privilege = bmc.Operator
	} else if err == nil && level == types.PrivilegeLevelAdministrator {
		m.Privilege = bmc.Administrator
	}
	if errors.Is(err, bmc.ErrPrivilege) {
		m.Privilege = "" // the account may be given more
	}
	return l, err
}

// login opens a session at this level. A step of the login that was sent twice may have
// reached the BMC twice: it has then made another random number, and refuses the step after
// it as if the password were wrong. Such a refusal counts only if it is repeated, with more time
// for each step: a BMC may be slow.
func (d Driver) login(ctx context.Context, t bmc.Target, suite types.CipherSuiteID, level types.PrivilegeLevel) (*link, error) {
	for attempt := 1; ; attempt++ {
		wait := d.exchange() * time.Duration(2*attempt-1)
		l, err := d.dialAndLogin(ctx, t, suite, level, wait)
		if err == nil {
			return l, nil
		}
		var doubtful *doubtfulError
		if !errors.As(err, &doubtful) || attempt == connectAttempts || ctx.Err() != nil {
			return nil, err
		}
		d.log().Debug("BMC refuses a login whose messages were sent twice, trying again", "bmc", t, "error", err)
	}
}

// A doubtfulError is a refusal after a message that was sent more than once.
type doubtfulError struct{ error }

func (e *doubtfulError) Unwrap() error { return e.error }

func (d Driver) dialAndLogin(ctx context.Context, t bmc.Target, suite types.CipherSuiteID, level types.PrivilegeLevel, wait time.Duration) (*link, error) {
	cl, err := client.NewClient(t.Address.Addr().String(), int(t.Address.Port()), t.User, t.Password)
	if err != nil {
		return nil, err
	}
	conn, err := d.dial(ctx, "udp", t.Address.String())
	if err != nil {
		return nil, &bmc.Error{Kind: bmc.ErrUnreachable, Err: plain(err)}
	}
	g, err := newGuard(conn, t, suite, d.log())
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	cl.WithTimeout(wait).WithRetry(d.retries()).WithCipherSuiteID(suite).
		WithMaxPrivilegeLevel(level).WithUDPProxy(dialed{g})
	l := &link{c: cl, guard: g, level: level}
	if err := l.steps(ctx); err != nil {
		l.abandon()
		return nil, err
	}
	s := &session{link: l, log: d.log().With("bmc", t), target: t, driver: d, memory: &bmc.Memory{}, again: true}
	if err := s.raise(ctx, level); err != nil {
		s.Close(ctx)
		return nil, err
	}
	return l, nil
}

// steps goes through IPMI 2.0 §13.15 step by step, so that each step's error keeps its type:
// the library's Connect turns them into one text. It leaves out Get Channel Authentication
// Capabilities, whose answer we have no use for.
func (l *link) steps(ctx context.Context) error {
	if _, err := l.c.OpenSession(ctx); err != nil {
		return l.guard.distrust(classifyOpen(err))
	}
	_, err := l.c.RAKPMessage1(ctx)
	if err == nil {
		_, err = l.c.RAKPMessage3(ctx)
	}
	if err == nil {
		return nil
	}
	if isTimeout(err) && ctx.Err() == nil {
		return l.guard.distrust(&bmc.Error{Kind: bmc.ErrSilent, Err: cause{"no answer to the login", plain(err)}, Hint: bmc.HintSilentLogin})
	}
	if err = classify(err); l.guard.repeated() && !isTimeout(err) {
		return &doubtfulError{err}
	}
	return err
}

// raise asks for the privilege level of the session, which begins as user (IPMI
// 2.0 §22.18), and for operator where a BMC that let an administrator log in then
// refuses that level.
func (s *session) raise(ctx context.Context, level types.PrivilegeLevel) error {
	got, err := s.setLevel(ctx, level)
	if _, refused := types.IsResponseError(err); refused && level > types.PrivilegeLevelOperator {
		s.log.Debug("BMC refuses administrator in the session, trying operator", "error", err)
		got, err = s.setLevel(ctx, types.PrivilegeLevelOperator)
	}
	if _, refused := types.IsResponseError(err); refused {
		return privilegeError(plain(err))
	}
	if err != nil {
		return err
	}
	if got == types.PrivilegeLevelCallback || got == types.PrivilegeLevelUser {
		return privilegeError(fmt.Errorf("it grants level %s", got))
	}
	s.level = got
	return nil
}

func (s *session) setLevel(ctx context.Context, level types.PrivilegeLevel) (types.PrivilegeLevel, error) {
	answer, err := s.ask(ctx, types.CommandSetSessionPrivilegeLevel, byte(level))
	if err != nil || len(answer) < 1 {
		return level, err // some BMCs name none
	}
	return types.PrivilegeLevel(answer[0] & 0x0f), nil
}
