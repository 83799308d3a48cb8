package page_test

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision"
	"rackhand/provision/web/page"
)

var update = flag.Bool("update", false, "write the goldens anew")

// theTime is when everything in these tests happens.
func theTime() time.Time { return time.Date(2026, 11, 22, 14, 32, 7, 0, time.UTC) }

func newPage(t *testing.T, s page.Source, change ...func(*page.Options)) *page.Handler {
	t.Helper()
	o := page.Options{Source: s, Log: slog.New(slog.DiscardHandler), Clock: theTime}
	for _, c := range change {
		c(&o)
	}
	h, err := page.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestGolden(t *testing.T) {
	f := rack(theTime())
	f.setProblems("inventory/hosts.yaml:14:5: unknown key \"adress\"\n\n    14 |     adress: 10.77.0.12\n       |     ^ did you mean \"address\"?")
	h := newPage(t, f)
	for name, path := range map[string]string{
		"overview":  "/",
		"running":   "/host/web3",
		"serving":   "/host/web1",
		"failed":    "/host/db2",
		"idle":      "/host/spare1",
		"unclaimed": "/host/3c:ec:ef:10:20:31",
		"partial":   "/fragment/hosts?partial&host=web3",
	} {
		t.Run(name, func(t *testing.T) {
			w := get(t, h, path)
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			got := unhashed(w.Body.String())
			golden := filepath.Join("testdata", name+".golden.html")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v: make it with -update", err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("%s differs (-want +got); if that is right, run with -update:\n%s", golden, diff)
			}
		})
	}
}

// unhashed leaves out the hashes of the assets, which change with every touch of
// the style sheet.
func unhashed(html string) string {
	html = regexp.MustCompile(`(/static/\w+)\.[0-9a-f]{12}\.`).ReplaceAllString(html, "$1.HASH.")
	return regexp.MustCompile(`data-version="[0-9a-f]{12}"`).ReplaceAllString(html, `data-version="HASH"`)
}

// TestAgentState: a serving host on a kept catalog, with a wrong clock or with warnings is
// shown as such on both pages; a plain one has none of it.
func TestAgentState(t *testing.T) {
	f := rack(theTime())
	h := newPage(t, f)
	notes := []string{"kept catalog, 3 h old", "clock 42 s behind", "the agent warns: its state was lost"}
	for _, path := range []string{"/", "/host/web1", "/fragment/hosts?partial&host=web1"} {
		if body := get(t, h, path).Body.String(); strings.Contains(body, "kept catalog, 3 h") {
			t.Errorf("%s: of a plain one", path)
		}
	}
	agent := provision.NewAgentState(theTime(), 3*time.Hour, -42, []string{"its state was lost"})
	for i := range f.hosts {
		if f.hosts[i].Host == "web1" {
			f.hosts[i].Agent = &agent
		}
	}
	h = newPage(t, f)
	for _, path := range []string{"/", "/host/web1", "/fragment/hosts?partial&host=web1"} {
		body := get(t, h, path).Body.String()
		for _, n := range notes {
			if got := strings.Count(body, n); got != 1 {
				t.Errorf("%s: %q stands there %d times", path, n, got)
			}
		}
	}
}

// TestHostile: what comes from outside is text, whatever it looks like, and has
// a bounded length.
func TestHostile(t *testing.T) {
	const evil = `<script>alert("x")</script>`
	f := newFake()
	f.add(1, "web1", evil, evil, &provision.Install{Requested: theTime()})
	f.hosts[0].MACs = []string{evil}
	f.hosts[0].Maker, f.hosts[0].Rack, f.hosts[0].BMC, f.hosts[0].Address, f.hosts[0].Power = evil, evil, evil, evil, evil
	f.hosts[0].Install.Progress = evil
	f.hosts[0].Install.ID = evil
	f.hosts[0].Agent = &provision.AgentState{Warnings: []string{evil + strings.Repeat("A", 1<<20)}}
	f.hosts = append(f.hosts, provision.HostStatus{Host: evil, Unclaimed: true, Maker: `"><img src=x onerror=alert(1)>`})
	f.hosts = append(f.hosts, provision.HostStatus{Host: `javascript:alert(1)`, Maker: evil})
	f.emit(provision.Event{
		Time: theTime(), Host: "web1", Source: evil, Kind: evil, Level: evil, Stage: provision.Stage(evil),
		Message: evil + strings.Repeat("A", 1<<20), Fields: map[string]string{evil: strings.Repeat(evil, 10000)},
	})
	f.emit(provision.Event{Time: theTime(), Host: "web1", Message: "not UTF-8: \xff\xfe", Stage: provision.Failed})
	f.hosts[0].Install.Reason = evil
	f.facts = map[string]any{
		"os": map[string]any{"name": evil}, "kernel": map[string]any{"release": evil + strings.Repeat("A", 60<<10)}, "virtualisation": evil,
		"disks": []any{map[string]any{"name": evil, "model": "\u202e" + evil}},
	}
	f.setProblems(evil)
	h := newPage(t, f, func(o *page.Options) { o.Title = evil })
	for _, path := range []string{"/", "/host/web1", "/host/%3Cscript%3Ealert(%22x%22)%3C%2Fscript%3E", "/host/nobody%3Cscript%3E", "/host/javascript:alert(1)"} {
		w := get(t, h, path)
		body := w.Body.String()
		if w.Code != http.StatusOK && w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d: %s", path, w.Code, body)
		}
		for _, bad := range []string{"<script>", "<img", `href="javascript:`} {
			if strings.Contains(body, bad) {
				t.Errorf("%s: %s stands in the page unescaped", path, bad)
			}
		}
		if len(body) > 64<<10 {
			t.Errorf("%s: the page has %d bytes", path, len(body))
		}
	}
}

// TestInvisible: nothing that turns the direction of writing, has no width or moves a
// terminal gets into a page, a log or the stream of events.
func TestInvisible(t *testing.T) {
	const evil = "a\u202eb\u2066c\u200bd\x1b[31me\u009bf\ufeff"
	f := newFake()
	f.add(1, "web1", evil, evil, &provision.Install{ID: "web1-1", Requested: theTime(), Stage: provision.Failed, Reason: evil})
	f.hosts[0].Maker, f.hosts[0].SwitchPort, f.hosts[0].Rack = evil, evil, evil
	f.hosts[0].Agent = &provision.AgentState{Warnings: []string{evil}}
	f.emit(provision.Event{Time: theTime(), Host: "web1", Source: evil, Kind: evil, Message: evil, Fields: map[string]string{evil: evil}})
	f.facts = map[string]any{"os": map[string]any{"name": evil}}
	f.setProblems(evil)
	h := newPage(t, logged{f, map[string]string{"web1-1": evil + "\n"}}, func(o *page.Options) { o.Title = evil })
	for _, path := range []string{"/", "/host/web1", "/fragment/hosts", "/host/web1/log"} {
		body := get(t, h, path).Body.String()
		if !strings.Contains(body, `a\u202eb\u2066c\u200bd\x1b[31me\u009bf\ufeff`) {
			t.Errorf("%s doesn't show it", path)
		}
		if strings.ContainsFunc(body, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }) {
			t.Errorf("%s: it stands there as it is", path)
		}
	}
}

func TestHeadersAndMethods(t *testing.T) {
	h := newPage(t, rack(theTime()))
	for _, path := range []string{"/", "/host/web1", "/healthz", "/nothing/here", "/host/nobody"} {
		w := get(t, h, path)
		for header, want := range map[string]string{
			"X-Content-Type-Options": "nosniff",
			"Referrer-Policy":        "no-referrer",
			"Cache-Control":          "no-store",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", path, header, got, want)
			}
		}
		csp := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q lacks %s", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy %q allows something unsafe", path, csp)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"} {
		for _, path := range []string{"/", "/host/web1", "/events", "/healthz", "/nothing"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, w.Code, w.Header().Get("Allow"))
			}
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/", nil))
	if w.Code != http.StatusOK || w.Body.Len() > 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD /: %d with %d bytes, Content-Length %q", w.Code, w.Body.Len(), w.Header().Get("Content-Length"))
	}
}

// TestNothingInline: the policy forbids inline script, style and event handlers,
// so none may stand in a page.
func TestNothingInline(t *testing.T) {
	h := newPage(t, rack(theTime()))
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son\w+=|<script(?:\s+[^>]*)?>[^<]|javascript:|<form [^>]*(?:post|//)|(?:src|href|action)="(?:https?:)?//`)
	for _, path := range []string{"/", "/host/web3", "/host/db2", "/host/nobody"} {
		if found := inline.FindString(get(t, h, path).Body.String()); found != "" {
			t.Errorf("%s: %q is inline, a form that changes something, or from elsewhere", path, found)
		}
	}
}

func TestStatic(t *testing.T) {
	h := newPage(t, newFake())
	refs := regexp.MustCompile(`/static/[\w.]+`).FindAllString(get(t, h, "/").Body.String(), -1)
	if len(refs) != 3 {
		t.Fatalf("the page refers to %v, want style sheet, script and icon", refs)
	}
	for _, ref := range refs {
		w := get(t, h, ref)
		if w.Code != http.StatusOK || w.Body.Len() == 0 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %d bytes, Cache-Control %q", ref, w.Code, w.Body.Len(), w.Header().Get("Cache-Control"))
		}
	}
	for _, path := range []string{"/static/", "/static/page.css", "/static/page.000000000000.css", "/static/../page.go", "/static/..%2fpage.go"} {
		if w := get(t, h, path); w.Code == http.StatusOK {
			t.Errorf("%s: served", path)
		}
	}
}

// TestClaimedBox: who looks at an unclaimed box and reloads once it is claimed
// gets to its new name.
func TestClaimedBox(t *testing.T) {
	h := newPage(t, rack(theTime()))
	for path, want := range map[string]string{
		"/host/52:54:00:00:00:01":           "/host/web1",
		"/host/52%3A54%3A00%3A00%3A00%3A01": "/host/web1",
		"/fragment/host/52:54:00:00:00:01":  "/fragment/host/web1",
	} {
		if got := get(t, h, path).Header().Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
}

func TestSourceFails(t *testing.T) {
	f := rack(theTime())
	f.fail = errors.New("bbolt: a detail for the log")
	h := newPage(t, f)
	for _, path := range []string{"/", "/host/web1", "/events", "/healthz", "/fragment/hosts"} {
		w := get(t, h, path)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d, Retry-After %q; want 503", path, w.Code, w.Header().Get("Retry-After"))
		}
		if body, _ := io.ReadAll(w.Body); strings.Contains(string(body), "bbolt") {
			t.Errorf("%s shows %q", path, body)
		}
	}
}

func TestMissingOptions(t *testing.T) {
	if _, err := page.New(page.Options{}); err == nil || !strings.Contains(err.Error(), "Source") {
		t.Errorf("New without options: %v", err)
	}
}

// TestOrder: the list is worst first, and boxes that are new stand in it.
func TestOrder(t *testing.T) {
	body := get(t, newPage(t, rack(theTime())), "/").Body.String()
	var at []int
	for _, name := range []string{"db2", "build1", "lb1", "web2", "3c:ec:ef:10:20:31", "3c:ec:ef:10:20:32", "db1", "web3", "web10", "cache1", "spare1", "web1"} {
		at = append(at, strings.Index(body, `id="host-`+name+`"`))
	}
	for i := range at {
		if at[i] < 0 || (i > 0 && at[i] < at[i-1]) {
			t.Errorf("host %d stands at %d, after one at %v", i, at[i], at)
		}
	}
}
