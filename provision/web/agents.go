package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/journal"
	"rackhand/provision/pki"
	"rackhand/provision/trace"
)

const (
	// maxAgentBody bounds a request of an agent or of the operator that is no report, in
	// bytes: a name, a token and a request.
	maxAgentBody = 32 << 10
)

// Agents is the handler of the agents' port.
func (s *Server) Agents() http.Handler {
	e := newEcho(s.Log)
	e.GET("/v1/time", s.time)
	e.POST("/v1/enrol", s.enrol)
	e.POST("/v1/renew", s.renew)
	e.GET("/v1/catalog", s.catalog)
	e.GET("/v1/agent/:sha256", s.newAgent)
	e.GET("/v1/ca", s.newCA)
	e.GET(catalog.ContentPath+":sum", s.content)
	e.GET(catalog.SecretsPath+"/*", s.secret)
	e.GET(catalog.SecretOfPath+"*", s.secretOf)
	e.POST("/v1/progress", s.progress)
	e.POST("/v1/report", s.report)
	e.GET(catalog.OrdersPath, s.waitForOrder)
	e.PUT(catalog.FactsPath, s.putFacts)
	return trace.Handler(s.Trace, true, s.Clock, Patiently(piecePatience, e))
}

// time answers any client with the appliance's clock. After a host's installer is done, this
// request is the first sign of life of the installed system.
func (s *Server) time(c echo.Context) error {
	if h := s.Snapshot().HostByAddress(peer(c)); h != nil && s.speaks(c, h) {
		if err := s.runsAlready(h.Name); err != nil {
			return err
		}
		if in, ok := s.Journal.Install(h.Name); ok && in.Stage == provision.Installed {
			err := s.Journal.Record(provision.Event{
				Host: h.Name, Install: in.ID, Source: "agent", Kind: "booted", Stage: provision.Booted,
				Message: "the installed system is up: its agent asked for the time",
			})
			if err != nil {
				return echo.NewHTTPError(http.StatusServiceUnavailable, "not ready")
			}
		}
	}
	return c.JSON(http.StatusOK, catalog.TimeReply{Time: s.Clock()})
}

// speaks reports whether a request shows for the first time that the system of a host is up.
// Another machine with the host's address doesn't count.
func (s *Server) speaks(c echo.Context, h *inventory.Host) bool {
	if in, ok := s.Journal.Install(h.Name); !ok || in.Stage != provision.Installed && !runsUnreported(in) {
		return false
	}
	return s.believed(c.Request().Context(), h, peer(c))
}

// runsAlready protects a host whose agent speaks in the middle of its install from another
// attempt: a system runs on its disks, and the installer's last report was lost. The
// appliance asks the operator, unless the agent enrols. If it can't record that, the agent
// gets an error and asks again.
func (s *Server) runsAlready(host string) error {
	if in, ok := s.Journal.Install(host); !ok || !runsUnreported(in) {
		return nil
	}
	_, err := s.Journal.Update(host, "", func(in provision.Install) (provision.Install, provision.Event, error) {
		if !runsUnreported(in) {
			return in, provision.Event{}, nil
		}
		in.Blank, in.Doubt = nil, "an agent of this host speaks, so a system runs on its disks"
		return in, provision.Event{
			Source: "agent", Kind: "runs-already", Level: provision.LevelWarn,
			Message: fmt.Sprintf("an agent of this host speaks in the middle of its install, so a system runs on its disks: the box does not get the installer again. If it is the system of this install, its agent enrols and the install continues. Otherwise `rackhand install %s --wipe` reinstalls it and erases its disks, and `rackhand cancel %s` keeps it unchanged", host, host),
		}, nil
	})
	if err != nil && !errors.Is(err, journal.ErrNoArm) {
		s.Log.Error("recording that a host runs already", "host", host, "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not recorded: try again")
	}
	return nil
}

// runsUnreported reports whether an agent that speaks now is news: no system of the host
// runs while its installer does.
func runsUnreported(in provision.Install) bool {
	return in.Doubt == "" && !in.Stage.Ended() && in.Stage.Rank() >= provision.Installer.Rank() && in.Stage.Rank() < provision.Installed.Rank()
}

func (s *Server) enrol(c echo.Context) error {
	var r catalog.EnrolRequest
	c.Request().Body = http.MaxBytesReader(c.Response(), c.Request().Body, maxAgentBody+1)
	if err := body(c, &r); err != nil {
		return err
	}
	from := peer(c)
	h := s.Snapshot().Hosts[r.Host]
	if h == nil || h.Address != from {
		about := ""
		if h != nil {
			about = h.Name
		}
		s.refuseAbout(from, about, "enrol-refused", fmt.Sprintf("%s asked to enrol as %.60q, which is not the host of that address", from, r.Host))
		return errRefused
	}
	if wait, ok := s.taken.enrolments.Look(h.Name); !ok {
		return s.tooOften(c, wait, h.Name, "enrolments", "limits.reports", s.Limits.Reports)
	}
	// Always 503: an agent asks again, and enrols once its card is in the inventory.
	if err := s.proved(c.Request().Context(), h, from, "a certificate"); err != nil {
		return unavailable(err)
	}
	if err := s.runsAlready(h.Name); err != nil {
		return err
	}
	csr, err := pki.ParseCSR(r.CSR, h.Name)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	if err := s.mayEnrol(c.Request().Context(), h, r.Token, csr.Key); err != nil {
		s.refuse(from, h.Name, "enrol-refused", fmt.Sprintf("%s asked to enrol as %s: %v", from, h.Name, err))
		return errRefused
	}
	s.taken.enrolments.Take(h.Name) // a client without a token must not use up the host's share
	in, _ := s.Journal.Install(h.Name)
	cert, err := s.Authority.Sign(c.Request().Context(), csr, h.Name, in.ID, h.MACTexts())
	if err != nil {
		s.Log.Error("signing a certificate", "host", h.Name, "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not signed: try again")
	}
	return c.JSON(http.StatusOK, catalog.EnrolReply{Certificate: string(cert)})
}

// agent returns the host whose agent sent the request.
func (s *Server) agent(c echo.Context) (*inventory.Host, error) {
	h, err := s.holderOf(c)
	if err != nil {
		return nil, err
	}
	return h, s.runsAlready(h.Name)
}

func (s *Server) progress(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	if err := s.take(c, s.taken.progress, h.Name, "messages of progress", "limits.reports", s.Limits.Reports); err != nil {
		return err
	}
	var p catalog.Progress
	if err := body(c, &p); err != nil {
		return err
	}
	if in, ok := s.Journal.Install(h.Name); !ok || in.Stage.Rank() >= provision.Converging.Rank() || in.Stage.Ended() {
		return c.NoContent(http.StatusNoContent)
	}
	return s.record(c, h.Name, provision.Event{
		Source: "agent", Kind: "converging", Stage: provision.Converging,
		Message: fmt.Sprintf("the agent has its catalog of %d resources", p.Resources),
	})
}

func (s *Server) report(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	if err := s.take(c, s.taken.reports, h.Name, "reports", "limits.reports", s.Limits.Reports); err != nil {
		return err
	}
	text, release, err := s.read(c, h.Name, "report", "; `limits.report` in rackhand.yaml is the limit", s.Limits.Report)
	defer release()
	if err != nil {
		return err
	}
	r, err := catalog.DecodeReport(text)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	r.Host = h.Name
	s.HideInReport(&r)
	if r, _, err = r.Fit(maxKept); err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	if done, err := s.noRun(c, h, r); done {
		return err
	}
	state := agentState(r, s.Clock())
	if _, err := s.Reports.Put(c.Request().Context(), h.Name, r, state.Age(s.Clock())); err != nil {
		s.Log.Error("keeping a report", "host", h.Name, "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not kept: try again")
	}
	if r.Dropped > 0 {
		s.tooMuch(h.Name, "its agent has dropped reports that it could not send")
	}
	state.TooOld = s.old.why(h.Name)
	if err := s.Journal.AgentIs(h.Name, state); err != nil {
		return s.unrecorded(h.Name, err)
	}
	if err := s.drifted(h.Name, r); err != nil {
		return s.unrecorded(h.Name, err)
	}
	if err := s.answerOrder(c.Request().Context(), h.Name, r); err != nil {
		return err
	}
	in, ok := s.Journal.Install(h.Name)
	underWay := ok && !in.Stage.Ended()
	if r.Status == catalog.OK && !underWay {
		return c.NoContent(http.StatusNoContent) // nothing changed on a host that serves: no news
	}
	return s.record(c, h.Name, reportEvent(r))
}

// agentState reads from a report, received at now, everything but its results. The agent
// measures the age of its catalog since the host's boot where it can. The date comes from
// the host's clock, which may be wrong.
func agentState(r catalog.Report, now time.Time) provision.AgentState {
	var age time.Duration
	if !r.CatalogFetched.IsZero() {
		if age = now.Sub(r.CatalogFetched); r.CatalogAge > 0 {
			const most = 100 * 365 * 24 * 3600 // s
			age = time.Duration(min(r.CatalogAge, most) * float64(time.Second))
		}
		age = max(age, time.Second) // never as good as fresh
	}
	state := provision.NewAgentState(now, age, r.ClockAhead, r.Warnings)
	for _, x := range r.Results {
		state = state.WithPending(x.ID, x.Pending)
	}
	return state
}

// reportEvent sums a report up in an event.
func reportEvent(r catalog.Report) provision.Event {
	count := r.Count()
	var failed []string
	for _, x := range r.Results {
		if x.Status == catalog.Failed && len(failed) < 5 {
			failed = append(failed, x.ID+": "+x.Message)
		}
	}
	took := r.Finished.Sub(r.Started).Round(10e6)
	of := ""
	if !r.CatalogFetched.IsZero() {
		of = " of the catalog kept on the host"
	}
	if r.Status == catalog.Failed && r.Error == "" && count.ChecksFailed > 0 && count.Failed+count.Skipped == 0 {
		return checksFailed(r, count)
	}
	if r.Status == catalog.Failed {
		if r.Error != "" {
			failed = append(failed, r.Error)
		}
		return provision.Event{
			Source: "agent", Kind: "converge-failed", Level: provision.LevelError,
			Message: fmt.Sprintf("%d of %d resources%s failed; the agent tries again: %s", count.Failed, count.Resources(), of, strings.Join(failed, "; ")),
			Fields:  failedFields(r),
		}
	}
	unknown := ""
	if n := count.Unknown; n > 0 {
		unknown = fmt.Sprintf(", %d could not be looked at and stay as they are", n)
	}
	return provision.Event{
		Source: "agent", Kind: "converged", Stage: provision.Converged,
		Message: fmt.Sprintf("everything%s holds: %d resources changed, %d held already%s, in %s", of, count.Changed, count.OK, unknown, took),
	}
}

// failedFields name the first resource that failed, and why; others may have failed, or were
// skipped, because of it. Without one, they say why the run failed.
func failedFields(r catalog.Report) map[string]string {
	for _, x := range r.Results {
		if x.Status == catalog.Failed {
			return map[string]string{"resource": x.ID, "error": x.Message}
		}
	}
	return map[string]string{"error": r.Error}
}

// failedCheckFields name the first check on the host that fails, and why.
func failedCheckFields(r catalog.Report) map[string]string {
	for _, x := range r.FailedChecks() {
		return map[string]string{"name": x.Check, "source": x.Source, "result": "host", "error": x.Message}
	}
	return nil
}

// checksFailed is the event of a report in which everything holds, and checks on the host
// fail.
func checksFailed(r catalog.Report, count catalog.Totals) provision.Event {
	var failed []string
	for _, x := range r.FailedChecks() {
		if len(failed) < 5 {
			failed = append(failed, x.Text())
		}
	}
	return provision.Event{
		Source: "agent", Kind: "host-checks-failed", Stage: provision.Converged, Level: provision.LevelError,
		Message: fmt.Sprintf("everything holds, but %d of %d checks on the host fail; the agent tries again: %s", count.ChecksFailed, count.Checks, strings.Join(failed, "; ")),
		Fields:  failedCheckFields(r),
	}
}

func (s *Server) record(c echo.Context, host string, e provision.Event) error {
	if err := s.Journal.Agent(host, e); err != nil {
		return s.unrecorded(host, err)
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) unrecorded(host string, err error) error {
	s.Log.Error("recording an agent's event", "host", host, "error", err)
	return echo.NewHTTPError(http.StatusServiceUnavailable, "not recorded: try again")
}

func body(c echo.Context, into any) error {
	b, err := io.ReadAll(io.LimitReader(c.Request().Body, maxAgentBody+1))
	if err != nil || len(b) > maxAgentBody {
		return echo.NewHTTPError(http.StatusRequestEntityTooLarge, "the request is larger than 32 KiB, which is the limit")
	}
	if err := json.Unmarshal(b, into); err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, "the request is not the JSON object that is expected")
	}
	return nil
}
