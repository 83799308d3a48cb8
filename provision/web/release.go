package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/journal"
)

// confirmed reports whether an attempt of an install may go on, on a host for which the
// operator confirms each (`answer: confirm`). Otherwise the error is notReady, and the
// install keeps the facts about the box until the operator confirms it. The wait is before
// the boot script: loaders repeat their request without a limit, while an initrd gives up
// after 9 s, and no secret is sent before it. held has the facts from the box's request.
func (s *Server) confirmed(ctx context.Context, h *inventory.Host, mac inventory.MAC, in provision.Install, held provision.Held) error {
	if h.Answer != inventory.ConfirmAnswer || in.Job != provision.NoJob || in.ReleasedFor(held.Attempt) {
		return nil
	}
	held.MAC = mac.String()
	if s.Lease != nil {
		lease, _ := s.Lease(ctx, mac)
		held.UUID = lease.UUID
		if r := lease.Relay; r != nil {
			held.SwitchPort = r.Place()
		}
	}
	wait := notReady{errors.New("this host waits until the operator has released its install")}
	if in.Held != nil && *in.Held == held {
		return wait
	}
	_, err := s.Journal.Update(h.Name, in.ID, func(now provision.Install) (provision.Install, provision.Event, error) {
		if now.ReleasedFor(held.Attempt) {
			return now, provision.Event{}, nil
		}
		now.Held = &held
		return now, provision.Event{
			Source: "http", Kind: provision.KindHeld, Level: provision.LevelWarn,
			Message: fmt.Sprintf("attempt %d of its install waits for the operator (`answer: confirm`): if the box that boots is %s, `rackhand release %s` continues; if it isn't, `rackhand cancel %s` ends the install. It has %s",
				held.Attempt, h.Name, h.Name, h.Name, held),
		}, nil
	})
	if err != nil && !errors.Is(err, journal.ErrNoArm) {
		s.Log.Error("recording that a host waits for its release", "host", h.Name, "error", err)
	}
	return wait
}

func (s *Server) release(c echo.Context) error {
	in, err := s.Operator.Release(c.Request().Context(), c.Param("host"))
	if err != nil {
		return operatorError(err)
	}
	return c.JSON(http.StatusOK, in.Public())
}
