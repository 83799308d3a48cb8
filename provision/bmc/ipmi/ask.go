package ipmi

import (
	"context"
	"fmt"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// busyPause is how long a BMC that says that it is busy is left alone.
const busyPause = 250 * time.Millisecond

// ask sends a command that may be repeated, and returns the data after the completion code.
// Each try is a message of its own: a BMC drops the copy of a message whose answer was lost
// (IPMI 2.0 §6.12.13). The later tries wait longer, for BMCs that are slow. If all are
// silent, the session may be lost: the command is tried in a new one, once.
func (s *session) ask(ctx context.Context, cmd types.Command, data ...byte) ([]byte, error) {
	answer, err := s.tries(ctx, cmd, data)
	if err == nil || !isTimeout(err) || ctx.Err() != nil || s.again {
		return answer, s.named(err)
	}
	if lost := s.loginAgain(ctx); lost != nil {
		s.log.Debug("no second login", "error", lost)
		return nil, s.named(err)
	}
	answer, err = s.tries(ctx, cmd, data)
	return answer, s.named(err)
}

func (s *session) tries(ctx context.Context, cmd types.Command, data []byte) (answer []byte, err error) {
	for try := 0; try <= s.driver.retries(); try++ {
		wait := s.driver.exchange() * time.Duration(max(1, min(try, 3)))
		s.c.WithTimeout(wait).WithRetry(0)
		answer, err = s.exchange(ctx, cmd, data)
		again := err != nil && isTimeout(err)
		if isCode(err, types.CodeNodeBusy) {
			again = s.driver.sleep(ctx, busyPause) == nil
		}
		if !again || ctx.Err() != nil {
			break
		}
	}
	return answer, err
}

// once sends a command that must not be carried out twice, in one datagram, and waits for
// the answer as long as the tries of another command take.
func (s *session) once(ctx context.Context, cmd types.Command, data ...byte) ([]byte, error) {
	s.c.WithTimeout(s.driver.exchange() * time.Duration(1+s.driver.retries())).WithRetry(0)
	answer, err := s.exchange(ctx, cmd, data)
	if err != nil && isTimeout(err) && ctx.Err() == nil {
		return nil, &bmc.Error{Kind: bmc.ErrSilent, Err: cause{"no answer to the command, which it may have carried out", plain(err)}}
	}
	return answer, s.named(err)
}

// quick asks once and waits no longer than this: for an answer that isn't worth more.
func (s *session) quick(ctx context.Context, wait time.Duration, cmd types.Command, data ...byte) ([]byte, error) {
	s.c.WithTimeout(wait).WithRetry(0)
	answer, err := s.exchange(ctx, cmd, data)
	return answer, s.named(err)
}

// named is classify, and knows that an in-session timeout is a BMC that did answer.
func (s *session) named(err error) error {
	if err == nil {
		return nil
	}
	err = s.guard.distrust(classify(err))
	if e, ok := err.(*bmc.Error); ok && e.Kind == bmc.ErrPrivilege { //nolint:errorlint // made above
		s.memory.Privilege = "" // the account may be given more: ask again at the next login
		if s.level >= types.PrivilegeLevelOperator {
			e.Hint = bmc.HintAdmin
		}
	}
	return err
}

// exchange sends one command and takes care that no malformed answer ends the program.
func (l *link) exchange(ctx context.Context, cmd types.Command, data []byte) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, fmt.Errorf("%s: malformed answer: %v", cmd.Name, p)
		}
	}()
	r, err := l.c.RawCommand(ctx, cmd.NetFn, cmd.ID, data, cmd.Name)
	if err != nil {
		return nil, err
	}
	return r.Response, nil
}

// toLUN addresses a logical unit of the BMC other than 0.
func toLUN(ctx context.Context, lun uint8) context.Context {
	return client.WithCommandContext(ctx, (&client.CommandContext{}).WithResponderLUN(lun))
}

// short is the error of an answer with too few bytes.
func short(cmd types.Command, answer []byte, want int) error {
	text := fmt.Sprintf("its answer to %s has %d bytes of %d", cmd.Name, len(answer), want)
	return &bmc.Error{Kind: bmc.ErrAnswer, Err: cause{text, nil}, Hint: hintFirmware}
}
