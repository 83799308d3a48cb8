package page_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/web/page"
)

// onWire gets a path as a browser does, and returns the body's bytes on the wire and the body.
func onWire(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Vary"), "Accept-Encoding") {
		t.Fatalf("%s: status %d, Vary %q", path, w.Code, w.Header().Get("Vary"))
	}
	n := w.Body.Len()
	if w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("%s: %d bytes are not compressed", path, n)
	}
	if length := w.Header().Get("Content-Length"); length != "" && length != fmt.Sprint(n) {
		t.Errorf("%s: Content-Length %s of %d bytes", path, length, n)
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return n, string(body)
}

// TestBytes: a rack of 500 hosts fits into 60 KB on the wire, a changed host into 3 KB, and
// style sheet and script are compressed too.
func TestBytes(t *testing.T) {
	now := theTime()
	f := big(now, 500, 50)
	boxes := make([]string, 40)
	for i := range boxes {
		boxes[i] = fmt.Sprintf("node%d", i+1)
	}
	for _, b := range boxes {
		f.setStuck(b, offersLost(boxes, now.Add(-5*time.Minute)))
	}
	for i := 40; i < 50; i++ {
		f.setStuck(fmt.Sprintf("node%d", i+1), driverMissing(fmt.Sprintf("node%d", i+1), now.Add(-4*time.Minute)))
	}
	h := newPage(t, f)
	n, body := onWire(t, h, "/")
	t.Logf("500 hosts: %d bytes, %d before compression", n, len(body))
	if n > 60_000 || strings.Count(body, "<tbody") != 500 {
		t.Errorf("the page has %d bytes and %d rows", n, strings.Count(body, "<tbody"))
	}
	n, body = onWire(t, h, "/fragment/hosts?partial&host=node45")
	t.Logf("a changed host: %d bytes, %d before compression", n, len(body))
	if n > 3_000 || strings.Count(body, "<tbody") != 1 {
		t.Errorf("the part has %d bytes and %d rows", n, strings.Count(body, "<tbody"))
	}
	for _, name := range []string{"page.css", "page.js"} {
		_, body := onWire(t, h, assetIn(t, h, name))
		if plain := get(t, h, assetIn(t, h, name)).Body.String(); plain != body {
			t.Errorf("%s: %d bytes compressed, %d plain", name, len(body), len(plain))
		}
	}
}

// assetIn is the path of a static file, as the page names it.
func assetIn(t *testing.T, h http.Handler, name string) string {
	t.Helper()
	base, ext, _ := strings.Cut(name, ".")
	path := regexp.MustCompile(`/static/` + base + `\.\w+\.` + ext).FindString(get(t, h, "/").Body.String())
	if path == "" {
		t.Fatalf("the page doesn't name %s", name)
	}
	return path
}

// TestPlain: a client that doesn't take gzip, and one that asks for the head only, are
// answered alike.
func TestPlain(t *testing.T) {
	h := newPage(t, rack(theTime()))
	for _, accept := range []string{"", "identity", "gzip;q=0", "br"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Header().Get("Content-Encoding") != "" || !strings.Contains(w.Body.String(), "</html>") {
			t.Errorf("Accept-Encoding %q: Content-Encoding %q", accept, w.Header().Get("Content-Encoding"))
		}
	}
	r := httptest.NewRequest(http.MethodHead, "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Body.Len() > 0 || w.Header().Get("Content-Encoding") != "gzip" || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %d bytes, %v", w.Body.Len(), w.Header())
	}
}

// rowsIn are the hosts of a page in their order.
func rowsIn(body string) string {
	var names []string
	for _, part := range strings.Split(body, `<tbody id="host-`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// TestFilter: each filter chooses its hosts, in the same order, and stands in the form and in
// the links of the page.
func TestFilter(t *testing.T) {
	h := newPage(t, troubled(theTime()))
	for query, want := range map[string]string{
		"state=stuck":            "node1 node2 node3 web10",
		"state=failed":           "db2",
		"state=unclaimed":        "3c:ec:ef:10:20:31 3c:ec:ef:10:20:32",
		"state=under-way":        "db1 web3",
		"state=over-budget":      "build1",
		"state=serving":          "web1",
		"state=needs-a-look":     "lb1 web2",
		"state=nonsense":         "",
		"role=node":              "node1 node2 node3",
		"system=rocky9":          "db2 build1 db1",
		"rack=r1&role=postgres":  "db2 db1",
		"rack=r2":                "",
		"q=WEB1":                 "web10 web1",
		"q=52:54:00:00:00:05":    "db1",
		"q=pgdata":               "db2", // its cause
		"q=snooping+node2":       "node2",
		"q=Supermicro":           "3c:ec:ef:10:20:31",
		"q=nothing+of+this+kind": "",
		"unknown=1":              "db2 node1 node2 node3 web10 build1 lb1 web2 3c:ec:ef:10:20:31 db1 web3 cache1 spare1 web1 3c:ec:ef:10:20:32",
	} {
		for _, path := range []string{"/?", "/fragment/hosts?"} {
			if got := rowsIn(get(t, h, path+query).Body.String()); got != want {
				t.Errorf("%s%s: %q, want %q", path, query, got, want)
			}
		}
	}
	body := get(t, h, "/?role=node&q=%22%3Cb%3E").Body.String()
	for _, want := range []string{
		`value="&#34;&lt;b&gt;"`, `<option value="node" selected>`, `data-fragment="/fragment/hosts?q=%22%3Cb%3E&amp;role=node"`,
		"No host matches this filter", "Clear the filter",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// TestStuckRow: a stuck row says so in its own words, and its second line has every cause,
// the fact that decides, and the whole remedy. Boxes with one cause refer to one entry.
func TestStuckRow(t *testing.T) {
	f := troubled(theTime())
	long := driverMissing("web10", theTime())
	long.Causes[0].Text = strings.Repeat("A long cause. ", 100)
	f.setStuck("web10", long)
	h := newPage(t, f)
	body := get(t, h, "/").Body.String()
	for _, want := range []string{
		"stuck in kernel", "3 boxes stuck</span> on switch sw1", "Then its console shows no network interface.", "<b>Or:</b> The network that the kernel sees",
		"<code>rackhand trace web10</code>", "<code>rackhand install db2 --wipe</code>", "<code>rackhand claim 3c:ec:ef:10:20:31 NAME --group GROUP</code>",
		"it booted again, and was in converging before", ">bootfile</span>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(body, "DHCP snooping"); n != 1 {
		t.Errorf("the cause that boxes share stands there %d times", n)
	}
	if n := strings.Count(body, `href="#link-offers-lost-switch-sw1-`); n != 3 || strings.Count(body, `id="link-offers-lost-switch-sw1-`) != 1 {
		t.Errorf("%d rows refer to it", n)
	}
}

// TestFolds: the hosts that serve are folded when they are many, unless a filter asks for
// them.
func TestFolds(t *testing.T) {
	const folded, open = `data-slug="serving" data-count="45">`, `data-slug="serving" data-count="45" open>`
	h := newPage(t, big(theTime(), 50, 5))
	for path, want := range map[string]string{"/": folded, "/?state=serving": open, "/?q=node": open} {
		if body := get(t, h, path).Body.String(); !strings.Contains(body, want) {
			t.Errorf("%s lacks %s", path, want)
		}
	}
	if body := get(t, newPage(t, rack(theTime())), "/").Body.String(); !strings.Contains(body, `data-slug="serving" data-count="1" open>`) {
		t.Error("one host is folded")
	}
}

// TestEmpty: an empty page says which command comes next.
func TestEmpty(t *testing.T) {
	for name, tc := range map[string]struct {
		f     *fake
		query string
		want  []string
	}{
		"no hosts":     {newFake(), "", []string{"The inventory has no hosts yet", "<code>rackhand claim MAC NAME --group GROUP</code>", "<code>rackhand doctor</code>"}},
		"no unclaimed": {big(theTime(), 2, 0), "?state=unclaimed", []string{"There is no unclaimed box", "boots from the network", `href="/"`}},
		"no match":     {big(theTime(), 2, 0), "?role=none", []string{"No host matches", `<a href="/" data-filter>Clear the filter</a>`}},
	} {
		body := get(t, newPage(t, tc.f), "/"+tc.query).Body.String()
		for _, want := range tc.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the page lacks %q", name, want)
			}
		}
	}
}

// TestStanding: a host that time alone makes stuck reaches the browsers without an event.
func TestStanding(t *testing.T) {
	t.Parallel()
	f := rack(theTime())
	server := httptest.NewServer(newPage(t, f, quickBeat))
	t.Cleanup(server.Close)
	next, _ := followKind(t, server.URL+"/events", "standing")
	f.setStuck("web10", driverMissing("web10", theTime()))
	if got := next(); got != `["web10"]` {
		t.Errorf("%s stand otherwise", got)
	}
	f.change("db1", func(h *provision.HostStatus) { h.Place = provision.Bootfile })
	f.setStuck("web10", nil)
	for got := ""; got != `["web10"]` && got != `["db1","web10"]` && got != `["web10","db1"]`; {
		got = next()
	}
}

// BenchmarkOverview is what an event costs the appliance with 500 hosts: the whole page, the
// rows of 50 hosts that install, and one row. Nothing is taken from what was made before.
func BenchmarkOverview(b *testing.B) {
	f := big(theTime(), 500, 50)
	h, err := page.New(page.Options{Source: f, Log: slog.New(slog.DiscardHandler), Clock: theTime})
	if err != nil {
		b.Fatal(err)
	}
	fifty := "/fragment/hosts?partial"
	for i := range 50 {
		fifty += fmt.Sprintf("&host=node%d", i+1)
	}
	for name, path := range map[string]string{"whole": "/fragment/hosts", "50 rows": fifty, "1 row": "/fragment/hosts?partial&host=node7"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f.emit(provision.Event{Time: theTime(), Host: "node7", Kind: "progress"})
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Header.Set("Accept-Encoding", "gzip")
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
