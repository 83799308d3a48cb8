package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"

	"github.com/labstack/echo/v4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/handout"
	"rackhand/provision/journal"
)

// maxInstallerEvent bounds one event's body, so that a batch of them fits into one
// transaction of the store.
const maxInstallerEvent = 16 << 10

var errRefused = echo.NewHTTPError(http.StatusForbidden, "this token is not valid here")

// holder finds the install that a request's token belongs to. The first use of a token must
// come from the address that is leased to its host. After that the token is valid at that
// address until its attempt ends. The first use of a token that was sent by TFTP begins the
// attempt.
func (s *Server) holder(c echo.Context) (provision.Install, *inventory.Host, error) {
	from := peer(c)
	in, ok := s.Journal.ByToken(c.Param("token"))
	if !ok {
		s.refuse(from, s.hostAt(c.Request().Context(), from), "token-refused", fmt.Sprintf("%s came with a token that is wrong or no longer valid", from))
		return in, nil, errRefused
	}
	snap := s.Snapshot()
	if snap == nil {
		return in, nil, echo.NewHTTPError(http.StatusServiceUnavailable, "the inventory is not loaded yet")
	}
	h := snap.Hosts[in.Host]
	if h == nil {
		s.refuse(from, in.Host, "token-refused", fmt.Sprintf("%s came with the token of %s, which is no longer in the inventory", from, in.Host))
		return in, nil, errRefused
	}
	token := c.Param("token")
	if !in.Proved(provision.HashToken(token), from.String()) {
		if !s.holds(c, h, from) {
			s.refuse(from, in.Host, "token-refused", fmt.Sprintf("%s came with the token of %s, to which that address is not leased", from, in.Host))
			return in, nil, errRefused
		}
		// Before Use, which begins an attempt.
		if _, err := s.onLink(c.Request().Context(), h, from, "came with the token of its install"); err != nil {
			return in, nil, refusal(err)
		}
	}
	switch in, err := s.Journal.Use(in, token, from.String()); {
	case err == nil:
		return in, h, nil
	case errors.Is(err, journal.ErrToken), errors.Is(err, journal.ErrNoArm):
		s.refuse(from, in.Host, "token-refused", fmt.Sprintf("%s came with a token of %s that is no longer valid: %v", from, h.Name, err))
		return in, nil, errRefused
	default:
		s.Log.Error("taking a token", "host", h.Name, "error", err)
		return in, nil, echo.NewHTTPError(http.StatusServiceUnavailable, "not recorded: try again")
	}
}

func (s *Server) holds(c echo.Context, h *inventory.Host, from netip.Addr) bool {
	for _, mac := range h.MACs {
		if addr, ok := s.Leased(c.Request().Context(), mac); ok && addr == from {
			return true
		}
	}
	return false
}

// cardAt returns the MAC of a host that holds the lease of an address, or its first MAC.
func (s *Server) cardAt(ctx context.Context, h *inventory.Host, from netip.Addr) inventory.MAC {
	for _, m := range h.MACs {
		if addr, ok := s.Leased(ctx, m); ok && addr == from {
			return m
		}
	}
	return h.MACs[0]
}

// entitled checks that a request for secrets of an install comes from its host's box: with its
// token, from its address and its card, before its installer has begun, and released where the
// host wants that. what names the thing asked for. The install has the box's cards.
func (s *Server) entitled(c echo.Context, what string) (provision.Install, *inventory.Host, map[string]string, error) {
	in, h, err := s.holder(c)
	if err != nil {
		return in, nil, nil, err
	}
	if in.Job != provision.NoJob {
		s.refuse(peer(c), in.Host, "token-refused", fmt.Sprintf("%s asked for %s of %s with the token of its %s", peer(c), what, in.Host, in.Noun()))
		return in, nil, nil, errRefused
	}
	token, from := c.Param("token"), peer(c)
	if err := s.proved(c.Request().Context(), h, from, what); err != nil {
		return in, nil, nil, refusal(err)
	}
	if in.TokenSpent || !in.Armed {
		s.answers.forget(token)
		s.say(provision.Event{
			Host: in.Host, Source: "http", Kind: "answer-late", Level: provision.LevelError,
			Message: fmt.Sprintf("%s of %s was requested again after its installer had begun, and the request was refused: only an intruder or a second box with that address has a reason to send it", what, in.Host),
			Fields:  map[string]string{"address": from.String()},
		}, in.Host)
		return in, nil, nil, errRefused
	}
	macs, ours := claimed(c.Request().Header, h)
	if len(macs) > 0 && !ours {
		s.mismatch(in.Host, from.String(), macs)
		return in, nil, nil, errRefused
	}
	in.Cards = macs
	facts := boxFacts(c.Request().Header)
	held := provision.Held{Attempt: max(in.Attempts, 1), Address: from.String(), Serial: facts["serial"]}
	if err := s.confirmed(c.Request().Context(), h, s.cardAt(c.Request().Context(), h, from), in, held); err != nil {
		return in, nil, nil, unavailable(err)
	}
	return in, h, facts, nil
}

// answer sends the Kickstart for the install that the token belongs to. The box may fetch it
// again, after a broken connection or for another interface, until its installer reports.
func (s *Server) answer(c echo.Context) error {
	in, h, facts, err := s.entitled(c, "the answer file")
	if err != nil {
		return err
	}
	token, from := c.Param("token"), peer(c)
	text, fresh, err := s.answers.again(c.Request().Context(), token, h.Name, s.Clock, func(ctx context.Context) (string, error) {
		return s.answerFile(ctx, in, h, token, from, facts)
	})
	if err != nil {
		return err
	}
	if !fresh {
		// The install may have changed since the request came.
		if now, ok := s.Journal.ByToken(token); !ok || now.TokenSpent || !now.Armed {
			return errRefused
		}
		s.say(provision.Event{
			Host: in.Host, Source: "http", Kind: "answer-again", Message: "the same answer file was sent again: to another interface, or after a broken connection",
			Fields: map[string]string{"address": from.String()},
		}, in.Host+" answer-again")
	}
	s.retries.end(in.Host)
	return plain(c, text)
}

// answerFile renders the answer file and records that it is sent.
func (s *Server) answerFile(ctx context.Context, in provision.Install, h *inventory.Host, token string, from netip.Addr, facts map[string]string) (string, error) {
	at := s.appliance(ctx)
	img, err := s.Handout.Image(h, provision.NoJob, handout.IPXEHTTP, at.URL)
	if err != nil {
		s.lacks(h.Name, "no-image", err)
		return "", echo.NewHTTPError(http.StatusServiceUnavailable, "the image or media to install can't be read; the status page says why")
	}
	mac := s.cardAt(ctx, h, from)
	enrol, hash, err := provision.NewToken(s.Random)
	if err != nil {
		return "", err
	}
	secret := s.Noting(h.Name, func(name string) (string, error) {
		if !slices.Contains(in.Secrets, name) {
			in.Secrets = append(slices.Clip(in.Secrets), name)
		}
		return s.Handout.Secret(name)
	})
	attempt := s.attempt(in, mac, token)
	attempt.EnrolToken = enrol
	text, err := s.Handout.AnswerFile(s.Handout.Data(h, at, img, attempt), secret)
	if err != nil {
		s.lacks(h.Name, "template", fmt.Errorf("the answer file of %s does not render: %w", h.Name, err))
		return "", echo.NewHTTPError(http.StatusServiceUnavailable, "the answer file does not render; the status page says why")
	}
	if err := s.Journal.Answered(in, hash, facts); err != nil {
		if errors.Is(err, journal.ErrToken) || errors.Is(err, journal.ErrNoArm) {
			return "", errRefused
		}
		return "", echo.NewHTTPError(http.StatusServiceUnavailable, "not ready")
	}
	return text, nil
}

// A report is the JSON body of an installer's event.
type report struct {
	Stage   provision.Stage   `json:"stage"`
	Kind    string            `json:"kind"`
	Message string            `json:"message"`
	Level   string            `json:"level"`
	Fields  map[string]string `json:"fields"`
}

// event records an installer's report.
func (s *Server) event(c echo.Context) error {
	in, _, err := s.holder(c)
	if err != nil {
		return err
	}
	if err := s.take(c, s.taken.events, in.Host, "events", "limits.events", s.Limits.Events); err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(c.Request().Body, maxInstallerEvent+1))
	if err != nil || len(body) > maxInstallerEvent {
		return echo.NewHTTPError(http.StatusRequestEntityTooLarge, "the event is larger than 16 KiB, which is the limit")
	}
	var r report
	if err := json.Unmarshal(body, &r); err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, "the event is not the JSON object that is expected")
	}
	e, err := r.event(in.Job)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	s.hideSecrets(in.Host, c.Param("token"), &e)
	switch err := s.Journal.Reported(in, e); {
	case errors.Is(err, journal.ErrToken), errors.Is(err, journal.ErrNoArm):
		return errRefused
	case errors.Is(err, journal.ErrTooMany):
		return echo.NewHTTPError(http.StatusForbidden, err.Error()) // not 429: the installer would repeat it in vain
	case err != nil:
		s.Log.Error("recording an installer's event", "host", in.Host, "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not recorded: try again")
	}
	return c.NoContent(http.StatusNoContent)
}

// event checks a report and makes an event of it. An installer may move its install or job
// only through the installer's own stages.
func (r report) event(job provision.Job) (provision.Event, error) {
	if !job.Takes(r.Stage) {
		return provision.Event{}, fmt.Errorf("stage %.40q is not for an installer to report", r.Stage)
	}
	switch r.Level {
	case "", provision.LevelWarn, provision.LevelError:
	default:
		return provision.Event{}, fmt.Errorf("level %.40q is unknown", r.Level)
	}
	if len(r.Fields) > 32 || len(r.Kind) > 40 || r.Kind == provision.KindAttempt || r.Kind == provision.KindLogTail {
		return provision.Event{}, errors.New("too many fields, or a kind that is not an installer's")
	}
	// The appliance itself uses this field, so it must not come from outside.
	delete(r.Fields, "power")
	if r.Kind == "" {
		r.Kind = "report"
	}
	if r.Stage == provision.Failed {
		r.Level = provision.LevelError
	}
	return provision.Event{Source: "installer", Kind: r.Kind, Stage: r.Stage, Level: r.Level, Message: r.Message, Fields: r.Fields}, nil
}

func (s *Server) caCert(c echo.Context) error {
	if _, _, err := s.holder(c); err != nil {
		return err
	}
	bundle, _ := s.Authority.Bundle()
	return c.Blob(http.StatusOK, "application/x-pem-file", bundle)
}
