package ipmi

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// closePatience bounds the goodbye, which is sent even when the operation's time is over.
const closePatience = 2 * time.Second

// A session is an open RMCP+ session. One goroutine uses it, because go-ipmi's client isn't
// safe for concurrent calls.
type session struct {
	*link
	log    *slog.Logger
	target bmc.Target
	driver Driver
	memory *bmc.Memory
	again  bool           // a lost session was replaced by a second login already
	sdrs   []*types.SDR   // the sensor data records, once they were read
	offset *time.Duration // of the BMC's clock from UTC, once it was asked
}

// A link is a login: the client with its socket.
type link struct {
	c     *client.Client
	guard *guard
	level types.PrivilegeLevel // that the BMC granted
}

// loginAgain logs in once more after the BMC has forgotten the session or answers too late.
func (s *session) loginAgain(ctx context.Context) error {
	s.again = true
	s.log.Debug("BMC fell silent in the session, logging in again")
	s.link.abandon()
	l, err := s.driver.connect(ctx, s.target, s.memory)
	if err != nil {
		return err
	}
	s.link = l
	return nil
}

// Close ends the session on the BMC and the socket here. The goodbye must be said even when
// the operation has run out of time: an open session blocks the BMC for a minute. It is
// repeated, because the network may lose it as well as the answer to it.
func (s *session) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(closePatience, 2*s.driver.exchange()))
	defer cancel()
	defer func() { _ = s.guard.Close() }()
	// An exchange whose context was cancelled still reads.
	_ = s.guard.SetReadDeadline(time.Now())
	s.c.WithTimeout(s.driver.exchange() / 4).WithRetry(0)
	for {
		_, err := s.exchange(ctx, types.CommandCloseSession, s.guard.sessionID())
		if err == nil {
			return
		}
		if ctx.Err() != nil || !isTimeout(err) {
			s.log.Debug("BMC session not closed in good order", "error", err)
			return
		}
	}
}

// dialed hands the library a socket that is open already.
type dialed struct{ conn net.Conn }

// Dial implements x/net/proxy's Dialer.
func (d dialed) Dial(string, string) (net.Conn, error) { return d.conn, nil }
