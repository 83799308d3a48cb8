package redfish

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"rackhand/provision/bmc"
)

type hook func(w http.ResponseWriter, r *http.Request, body string) bool

// on answers requests whose "METHOD PATH" begins so.
func on(begin string, status int, header http.Header, text string) hook {
	return func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if !strings.HasPrefix(r.Method+" "+r.URL.Path, begin) {
			return false
		}
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
		return true
	}
}

func says(id, text string) string {
	type message struct{ MessageId, Message string }
	out, _ := json.Marshal(map[string]any{"error": map[string]any{"@Message.ExtendedInfo": []message{{"Base.1.0.GeneralError", ""}, {id, text}}}})
	return string(out)
}

// TestFaults: each fault of a service is an error of its own, with what to do, without a
// password, and leaves no session open.
func TestFaults(t *testing.T) {
	const system = "GET /redfish/v1/Systems/1"
	const sessions = "POST /redfish/v1/SessionService/Sessions"
	html := http.Header{"Content-Type": {"text/html"}}
	for _, tt := range []struct {
		name string
		hook hook
		kind error
		want string // in the error
	}{
		{"wrong password", on(sessions, 401, nil, says("Base.1.0.ResourceAtUriUnauthorized", "While accessing ... with "+testPassword)), bmc.ErrCredentials, "check bmc.user"},
		{"wrong password, as iLO says it", on(sessions, 400, nil, says("iLO.2.14.UnauthorizedLoginAttempt", "")), bmc.ErrCredentials, "UnauthorizedLoginAttempt"},
		{"locked", on(sessions, 401, nil, says("Base.1.8.AccountLocked", "The account is locked")), bmc.ErrLocked, "wait until"},
		{"locked, in words alone", on(sessions, 403, nil, says("Oem.1.Failed", "Login failed: the account has been locked")), bmc.ErrLocked, "wait until"},
		{"the account may not log in", on(sessions, 403, nil, says("Base.1.0.InsufficientPrivilege", "no")), bmc.ErrPrivilege, "Operator or Administrator"},
		{"the account may not read", on(system, 403, nil, ""), bmc.ErrPrivilege, "403 Forbidden"},
		{"password must change, at the login", on(sessions, 403, nil, says("Base.1.12.PasswordChangeRequired", "change it")), bmc.ErrPasswordChange, "change the password"},
		{"password must change, later (Dell)", on(system, 403, nil, says("IDRAC.2.8.SWC1908", "")), bmc.ErrPasswordChange, "SWC1908"},
		{"sessions exhausted (Dell)", on(sessions, 503, nil, says("IDRAC.1.6.RAC0218", "The maximum number of user sessions is reached.")), bmc.ErrSessions, "end sessions"},
		{"sessions exhausted", on(sessions, 503, nil, says("Base.1.8.SessionLimitExceeded", "")), bmc.ErrSessions, "end sessions"},
		{"no Redfish", on("GET /redfish/v1/", 404, nil, "not here"), bmc.ErrNoRedfish, "protocol: ipmi"},
		{"a page where the root is", on("GET /redfish/v1/", 200, html, "<html>welcome"), bmc.ErrNoRedfish, "page for people"},
		{"the root redirects", on("GET /redfish/v1/", 308, http.Header{"Location": {"https://elsewhere/"}}, ""), bmc.ErrAnswer, "follows no redirect"},
		{"the login redirects", on(sessions, 308, http.Header{"Location": {"https://elsewhere/"}}, ""), bmc.ErrAnswer, "follows no redirect"},
		{"HTML instead of JSON", on(system, 200, html, "<html>log in</html>"), bmc.ErrAnswer, "a page for people"},
		{"cut JSON", on(system, 200, nil, `{"Id":"1","PowerState":"O`), bmc.ErrAnswer, "cut off after 25 bytes"},
		{"no JSON", on(system, 200, nil, `[1,2]`), bmc.ErrAnswer, "it isn't JSON"},
		{"nothing", on(system, 200, nil, ""), bmc.ErrAnswer, "it is empty"},
		{"a login without a token", on(sessions, 201, nil, "{}"), bmc.ErrAnswer, "brought no token"},
		{"a body of 200 MB", long(system, true), bmc.ErrAnswer, "longer than 4 MiB"},
		{"a body without end", long(system, false), bmc.ErrAnswer, "longer than 4 MiB"},
		{"a body that unpacks to 200 MB", bomb(system), bmc.ErrAnswer, "longer than 4 MiB"},
		{"an encoding not asked for", on(system, 200, http.Header{"Content-Encoding": {"br"}}, "xx"), bmc.ErrAnswer, "not asked for"},
		{"no gzip", on(system, 200, http.Header{"Content-Encoding": {"gzip"}}, "xx"), bmc.ErrAnswer, "not asked for"},
		{"busy", on(system, 503, http.Header{"Retry-After": {"7"}}, ""), bmc.ErrNotReady, "try again"},
		{"silent", stuck(system, ""), bmc.ErrSilent, "no answer to GET"},
		{"silent mid-way", stuck(system, `{"Id":`), bmc.ErrSilent, "broke off"},
		{"hangs up", hangUp(system), bmc.ErrSilent, "no answer to GET"},
		{"no power state", on(system, 200, nil, `{"PowerState":null}`), bmc.ErrNotReady, "doesn't know"},
		{"an odd power state", on(system, 200, nil, "{\"PowerState\":\"\\u001b[31mHalf\"}"), bmc.ErrAnswer, `\\x1b[31mHalf`},
		{"gone", on(system, 404, nil, ""), bmc.ErrUnsupported, "404"},
		{"a long, hostile message", on(system, 400, nil, says("X.1.Y", strings.Repeat("\x1b[2J", 1000))), bmc.ErrRefused, `\x1b[2J`},
		{"a service without systems", on("GET /redfish/v1/Systems", 200, nil, `{"Members":null}`), bmc.ErrUnsupported, "lists no system"},
		{"members elsewhere", on("GET /redfish/v1/Systems", 200, nil, `{"Members":[{"@odata.id":"https://elsewhere/1"},{"@odata.id":"//elsewhere/1"},{"@odata.id":5}]}`), bmc.ErrUnsupported, "lists no system"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, target := newFake(t, plain().get)
			f.hook = tt.hook
			var logged bytes.Buffer
			d := Driver{Log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})), Exchange: 5 * time.Second}
			if strings.HasPrefix(tt.name, "silent") {
				d.Exchange = 200 * time.Millisecond
			}
			s, err := d.Open(t.Context(), target, nil)
			if err == nil {
				_, err = s.Status(t.Context())
				s.Close(t.Context())
			}
			if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %v with %q", err, tt.kind, tt.want)
			}
			var e *bmc.Error
			if !errors.As(err, &e) && !errors.Is(err, bmc.ErrUnsupported) {
				t.Errorf("%v has no kind", err)
			}
			if tt.name == "busy" && e.RetryAfter != 7*time.Second {
				t.Errorf("to be tried again after %s", e.RetryAfter)
			}
			if text := err.Error() + logged.String(); strings.Contains(text, testPassword) || strings.Contains(text, "\x1b") || len(err.Error()) > 1000 {
				t.Errorf("a secret, a control character or too long: %s", text)
			}
			if open := f.still(); len(open) > 0 && tt.name != "the login redirects" {
				t.Errorf("sessions left open: %v", open)
			}
		})
	}
}

// long answers with 200 MB, with or without saying so first.
func long(begin string, said bool) hook {
	return func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if !strings.HasPrefix(r.Method+" "+r.URL.Path, begin) {
			return false
		}
		if said {
			w.Header().Set("Content-Length", "200000000")
		}
		for i := 0; i < 200; i++ {
			if _, err := w.Write(bytes.Repeat([]byte(" "), 1_000_000)); err != nil {
				break
			}
		}
		return true
	}
}

func bomb(begin string) hook {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for i := 0; i < 20; i++ {
		_, _ = z.Write(bytes.Repeat([]byte(" "), 1_000_000))
	}
	_ = z.Close()
	return on(begin, 200, http.Header{"Content-Encoding": {"gzip"}}, packed.String())
}

// stuck answers a part, and then nothing until the client goes.
func stuck(begin, part string) hook {
	return func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if !strings.HasPrefix(r.Method+" "+r.URL.Path, begin) {
			return false
		}
		if part != "" {
			_, _ = io.WriteString(w, part)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // its end must not look like the answer's
	}
}

func hangUp(begin string) hook {
	return func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if strings.HasPrefix(r.Method+" "+r.URL.Path, begin) {
			panic(http.ErrAbortHandler)
		}
		return false
	}
}

// TestBrokenConnection: a read whose connection breaks off is sent again, each request on a
// connection of its own from then on; a command is not.
func TestBrokenConnection(t *testing.T) {
	f, target := newFake(t, plain().get)
	s := login(t, target)
	left, closes := 2, 0 // net/http itself tries a connection that it had kept only once more
	f.hook = func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if r.Close {
			closes++
		}
		if left > 0 && (r.URL.Path == at+"/Systems/1" || r.Method == http.MethodPost) {
			left--
			panic(http.ErrAbortHandler)
		}
		return false
	}
	if st, err := s.Status(t.Context()); err != nil || !st.On || closes != 1 {
		t.Errorf("status %+v, %v, %d connections of their own", st, err, closes)
	}
	f.mu.Lock()
	f.requests = nil
	f.hook = hangUp("POST /redfish/v1/Systems/1/Reset")
	f.mu.Unlock()
	err := s.Power(t.Context(), bmc.Reset)
	if sent := f.sent(); !errors.Is(err, bmc.ErrSilent) || len(sent) != 1 {
		t.Errorf("%v after %v", err, sent)
	}
}

// TestLogout: a session is ended also when the operation's time is over.
func TestLogout(t *testing.T) {
	f, target := newFake(t, plain().get)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := testDriver().Open(ctx, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := s.Status(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	if open := f.still(); len(open) != 1 {
		t.Fatalf("open: %v", open)
	}
	s.Close(ctx)
	s.Close(ctx)
	if open := f.still(); len(open) != 0 || f.logins != 1 {
		t.Errorf("left open: %v of %d", open, f.logins)
	}
}
