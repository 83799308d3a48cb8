package redfishsim

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Fault is an oddity of BMCs. Each has been seen on a real one.
type Fault string

// Faults of writing.
const (
	ETagWanted     Fault = "etag-wanted"     // 428 without If-Match
	ETagRefused    Fault = "etag-refused"    // 412 with If-Match
	SettingsObject Fault = "settings-object" // the override is written to the Settings object alone
	FullBoot       Fault = "full-boot"       // 400 unless target, enabled and mode come together
	DoneBut400     Fault = "done-but-400"    // 400, and it did it
	NoneBlocks     Fault = "none-blocks"     // Enabled is refused while the target is None
)

// Faults of boot overrides.
const (
	OverrideIgnored  Fault = "override-ignored"  // 200, and nothing changes
	OverrideReverted Fault = "override-reverted" // 200, then Disabled and Legacy again
	OverrideUnused   Fault = "override-unused"   // kept, and the box boots its disk
	ModeLost         Fault = "mode-lost"         // the mode stays Legacy
	OnceContinuous   Fault = "once-continuous"   // Once becomes Continuous
	NoBoot           Fault = "no-boot"           // no Boot object
)

// Faults of power.
const (
	Lagging        Fault = "lagging"         // PowerState follows after Lag
	Conflict       Fault = "conflict"        // On gives 409 until Lag after the power went off
	InPOST         Fault = "post"            // writes give 400 UnableToModifyDuringSystemPOST for Lag
	NoPowerCycle   Fault = "no-powercycle"   // not among the reset types
	SwallowsReset  Fault = "swallows-reset"  // 204, and nothing happens
	SwallowsCycle  Fault = "swallows-cycle"  // the same for PowerCycle and ForceRestart alone
	IgnoresSoftOff Fault = "ignores-softoff" // the system doesn't shut down
	AlreadyOn      Fault = "already-on"      // 409 for the state that the box is in
	TwoSystems     Fault = "two-systems"
)

// Faults of login.
const (
	MustChange        Fault = "must-change-password"
	SessionsExhausted Fault = "sessions-exhausted" // 503 RAC0218 at login
	SessionExpires    Fault = "session-expires"    // 401 once, at the third request
	Locked            Fault = "locked"             // after five refused logins
	SlotAccounts      Fault = "slot-accounts"      // accounts can't be made, only written
)

// Faults of content.
const (
	HTML      Fault = "html"
	Huge      Fault = "huge" // 200 MB
	Redirects Fault = "redirects"
	Truncated Fault = "truncated"
	Stalls    Fault = "stalls" // half an answer, then silence
)

// maxSessions is how many sessions a BMC has room for, as iDRAC does.
const maxSessions = 8

const hugeBody = 200 << 20

// badContent answers by a fault of content. It reports whether it did.
func (s *Service) badContent(w http.ResponseWriter, r *http.Request) bool {
	if strings.HasPrefix(r.Host, "localhost:") {
		notFound(r.URL.Path).write(w) // the other host has nothing
		return true
	}
	if !strings.HasPrefix(r.URL.Path, s.opts.At) {
		return false
	}
	s.mu.Lock()
	f := func(f Fault) bool { return s.faults[f] }
	html, huge, redirects, truncated, stalls := f(HTML), f(Huge), f(Redirects), f(Truncated), f(Stalls)
	s.mu.Unlock()
	half := `{"@odata.id":"/redfish/v1","PowerState":"O`
	switch {
	case html:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><title>Login</title><body>Please log in</body></html>")
	case redirects:
		w.Header().Set("Location", "https://"+otherHost(r)+r.URL.Path)
		w.WriteHeader(http.StatusPermanentRedirect)
	case huge:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"Name":"`)
		chunk := []byte(strings.Repeat("a", 1<<16))
		for sent := 0; sent < hugeBody; sent += len(chunk) {
			n, err := w.Write(chunk)
			s.mu.Lock()
			s.sent += int64(n)
			s.mu.Unlock()
			if err != nil {
				break
			}
		}
	case truncated:
		w.Header().Set("Content-Length", strconv.Itoa(2*len(half)))
		_, _ = io.WriteString(w, half)
		panic(http.ErrAbortHandler)
	case stalls:
		w.Header().Set("Content-Length", strconv.Itoa(2*len(half)))
		_, _ = io.WriteString(w, half)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
	default:
		return false
	}
	return true
}

// otherHost names this listener in another way: "localhost" is another host to a client that
// was given 127.0.0.1.
func otherHost(r *http.Request) string {
	_, port, _ := strings.Cut(r.Host, ":")
	return "localhost:" + port
}

// lasting reports whether a fault that lasts Lag is still on; its first call starts it.
func (s *Service) lasting(f Fault) bool {
	if !s.faults[f] {
		return false
	}
	end, began := s.until[string(f)]
	if !began {
		end = s.opts.Now().Add(s.opts.Lag)
		s.until[string(f)] = end
	}
	return s.opts.Now().Before(end)
}

// hold starts a fault's time.
func (s *Service) hold(f Fault, d time.Duration) { s.until[string(f)] = s.opts.Now().Add(d) }
