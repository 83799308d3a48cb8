package bmctest

import (
	"context"
	"testing"

	ipmibmc "github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/handlers"
	"github.com/bougou/go-ipmi/pkg/types"
)

// An Answerer answers a command: with the data after the completion code, and that code.
type Answerer func(data []byte) ([]byte, types.CompletionCode)

// more are the commands that go-ipmi's server doesn't have.
var more = []types.Command{
	types.CommandGetSystemGUID, types.CommandGetSensorReading, types.CommandGetSELInfo, types.CommandGetSELEntry,
	types.CommandReserveSEL, types.CommandClearSEL, types.CommandGetSELTime, types.CommandSetLanConfigParam,
	types.CommandGetDeviceSDR, types.CommandGetDeviceSDRInfo, types.CommandReserveDeviceSDRRepo,
}

// Answer makes the BMC answer a command in this way from now on; nil: as go-ipmi does.
func (b *BMC) Answer(cmd types.Command, f Answerer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.answers == nil {
		b.answers = map[types.CommandKey]Answerer{}
	}
	b.answers[cmd.Key()] = f
}

// registry has go-ipmi's handlers, and lets Answer replace each.
func (b *BMC) registry() *handlers.Registry {
	r := handlers.NewRegistry()
	r.Use(func(next handlers.Handler) handlers.Handler {
		return handlers.HandlerFunc(func(ctx context.Context, h *handlers.HandlerContext, data []byte) ([]byte, types.CompletionCode, error) {
			b.mu.Lock()
			f := b.answers[h.Command.Key()]
			b.mu.Unlock()
			if f == nil {
				return next.Handle(ctx, h, data)
			}
			answer, code := f(data)
			return answer, code, nil
		})
	})
	handlers.RegisterAllHandlers(r)
	for _, cmd := range more {
		r.RegisterFunc(cmd, func(context.Context, *handlers.HandlerContext, []byte) ([]byte, types.CompletionCode, error) {
			return nil, types.CodeInvalidCommand, nil
		})
	}
	return r
}

// LoggedIn counts the sessions that are open on the BMC, without the logins that never got
// as far: the BMC drops those when it needs their room. It fills that room, so no client may
// be at work.
func (b *BMC) LoggedIn(t testing.TB) (n int) {
	t.Helper()
	var mine []uint32
	for range b.State.Sessions.Cap() {
		s, err := b.State.Sessions.Allocate(1, 1, 1, 1, ipmibmc.PrivilegeLevelUser, 1)
		if err != nil {
			break
		}
		mine = append(mine, s.BMCID)
	}
	n = b.State.Sessions.Cap()
	for _, id := range mine {
		if b.State.Sessions.Close(id) == nil {
			n--
		}
	}
	return n
}
