package why

import (
	"fmt"
	"strings"
	"time"

	"rackhand/provision"
)

// converge finds that the agent can't bring the role about. The agent tries again; the error
// stands until a run succeeds.
func converge(s *story) *finding {
	e := s.standing(func(e provision.Event) bool { return is(e, "agent", "converge-failed") })
	if e == nil {
		return nil
	}
	f := &finding{since: s.failingSince(), evidence: []provision.Event{*e}}
	resource, why := e.Fields["resource"], e.Fields["error"]
	short := endSentence(brief(why))
	switch {
	case strings.Contains(why, "/mirror/") && strings.Contains(why, " 503 "):
		f.causes = cause("The appliance's mirror cache answers 503: it has no copy of a file that the box needs, and can't fetch it from its upstream.")
		f.remedy.Text = "Let the appliance reach its mirrors: its log says why, at mirror-unavailable. Then let the agent run at once."
	case resource != "":
		f.causes = cause(fmt.Sprintf("The resource %s can't be brought about: %s", resource, short))
		f.remedy.Text = "Mend it in the role or on the host, then let the agent run at once."
	case why != "":
		f.causes = cause("The agent's run failed: " + short)
		f.remedy.Text = "Mend that, then let the agent run at once."
	default:
		f.causes = cause(sentence(e.Message))
		f.remedy.Text = "Mend that, then let the agent run at once."
	}
	f.remedy.Command = "rackhand converge " + s.name()
	return f
}

// failingSince is when the agent's run failed first, of those that failed in a row: it tries
// every few minutes.
func (s *story) failingSince() (since time.Time) {
	for _, e := range s.events {
		switch {
		case is(e, "agent", "converge-failed") && since.IsZero():
			since = e.Counted
		case is(e, "agent", "converged"), e.Kind == provision.KindAttempt:
			since = time.Time{}
		}
	}
	return since
}

// brief is the beginning of a program's error, which may be a page long. The event has it whole.
func brief(text string) string {
	const most = 240
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= most {
		return text
	}
	cut := strings.LastIndexByte(text[:most], ' ')
	if cut < 0 {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text[:cut] + "…"
}

// checkFailing finds that the role holds and one of its checks fails, and how it fails.
func checkFailing(s *story) *finding {
	if s.in.Stage != provision.Converged && !s.in.Stage.Ended() {
		return nil
	}
	var e *provision.Event
	for i := range s.events {
		switch {
		case is(s.events[i], "check", "check-failed"), is(s.events[i], "agent", "host-checks-failed"):
			e = &s.events[i]
		case is(s.events[i], "agent", "converged") && e != nil && e.Source == "agent":
			e = nil // the checks on the host pass now
		case s.events[i].Kind == provision.KindAttempt:
			e = nil
		}
	}
	if e == nil {
		return nil
	}
	name, said := e.Fields["name"], sentence(e.Message)
	f := &finding{
		evidence: []provision.Event{*e},
		remedy:   provision.Remedy{Text: "Look at the service on the host. The check is tried on, so the host serves once it passes."},
	}
	says := func(format, remedy string) {
		f.causes = cause(fmt.Sprintf(format, name) + " " + said)
		f.remedy.Text = remedy + " The check is tried on."
	}
	switch e.Fields["result"] {
	case "refused":
		says("Refused: nothing listens where the check %s asks. The service does not run, or listens at another address or port.", "Start the service, or let it listen at that address.")
	case "timeout":
		says("Timeout: the check %s gets no answer in its time. A firewall on the host drops it, or the service hangs.", "Look at the host's firewall, then at the service.")
	case "unreachable":
		says("Unreachable: no machine has the address that the check %s asks.", "Look at the host's network and address.")
	case "certificate":
		says("Certificate: the service answers the check %s with a certificate that is not accepted.", "Renew the certificate on the host, or correct `ca` or `host` of the check.")
	case "status":
		says("Status: the service answers the check %s with another HTTP status.", "Look at the service's own log, or correct `path` or `status` of the check.")
	case "body":
		says("Body: the service answers the check %s with another text.", "Look at what the service sends, or correct the text of the check.")
	case "host":
		f.causes = cause(fmt.Sprintf("On the host: the agent runs the check %s there, and it fails. %s", name, said))
		f.remedy = provision.Remedy{Text: "Mend that on the host, then let the agent run at once.", Command: "rackhand converge " + s.name()}
	default:
		f.causes = cause(said)
	}
	return f
}
