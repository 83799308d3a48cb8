package web_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/provision"
	"rackhand/provision/pki"
	"rackhand/provision/retention"
	"rackhand/provision/store"
)

// enrolled is a host's agent: it asks with the host's certificate.
func (r *testServer) enrolled(host string) func(method, path, body string) *httptest.ResponseRecorder {
	r.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: host}}, key)
	if err != nil {
		r.t.Fatal(err)
	}
	csr, err := pki.ParseCSR(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})), host)
	if err != nil {
		r.t.Fatal(err)
	}
	signed, err := r.server.Authority.Sign(r.t.Context(), csr, host, host+"-1", []string{r.snap.Hosts[host].MACs[0].String()})
	if err != nil {
		r.t.Fatal(err)
	}
	block, _ := pem.Decode(signed)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		r.t.Fatal(err)
	}
	return func(method, path, body string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		req.RemoteAddr = r.snap.Hosts[host].Address.String() + ":1024"
		req.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}
		w := httptest.NewRecorder()
		r.agents.ServeHTTP(w, req)
		return w
	}
}

func (r *testServer) count(host, kind string) (n int) {
	r.t.Helper()
	events, err := r.journal.Events(r.t.Context(), host, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// report is one of size bytes.
func report(size int) string {
	const frame = `{"status":"changed","results":[{"id":"a","status":"changed","message":""}]}`
	return strings.Replace(frame, `"message":"`, `"message":"`+strings.Repeat("x", size-len(frame)), 1)
}

// A report is taken up to its size, what is kept of it is bounded, and an event tells of
// larger ones once.
func TestReportSize(t *testing.T) {
	r := newTestServer(t)
	web1 := r.enrolled("web1")
	for size, code := range map[int]int{1000: 204, 100 << 10: 204, 1 << 20: 204, 1<<20 + 1: 413, 5 << 20: 413} {
		r.want(web1("POST", "/v1/report", report(size)), code)
		kept, err := r.server.Reports.Last(t.Context(), "web1")
		text, _ := json.Marshal(kept.Report)
		if code == 204 && (err != nil || len(text) > 512<<10 || kept.Host != "web1" || (kept.Shortened != nil) != (size > 512<<10)) {
			t.Errorf("of %d bytes, %d are kept: %v, shortened %+v", size, len(text), err, kept.Shortened)
		}
	}
	if n := r.count("web1", "over-limit"); n != 1 {
		t.Errorf("%d events tell of too large reports", n)
	}
	for _, bad := range []string{"", "{}", "[]", `{"status":"fine"}`, `{"status":"ok","results":[` + strings.Repeat("{},", 100000) + `{}]}`} {
		r.want(web1("POST", "/v1/report", bad), 400)
	}
}

// A host may report so often within an hour. Who has too many waits, and nobody else.
func TestReportsWithinAnHour(t *testing.T) {
	r := newTestServer(t)
	web1, web2 := r.enrolled("web1"), r.enrolled("web2")
	var w *httptest.ResponseRecorder
	taken := 0
	for range 200 {
		if w = web1("POST", "/v1/report", report(300)); w.Code == http.StatusNoContent {
			taken++
		}
	}
	if most := r.server.Limits.Reports; taken < most || taken > most+2 || w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d were taken, then %d, Retry-After %q", taken, w.Code, w.Header().Get("Retry-After"))
	}
	for range 200 {
		w = web1("POST", "/v1/progress", `{"version":"v1","resources":1}`)
	}
	if w.Code != http.StatusTooManyRequests {
		t.Errorf("progress: %d", w.Code)
	}
	if n := r.count("web1", "over-limit"); n != 2 { // reports, progress
		t.Errorf("%d events tell of it", n)
	}
	r.want(web2("POST", "/v1/report", report(300)), 204)
}

// Who holds an installer's token fills no journal: not with events, not with what is in
// them, and not with those that must be heard.
func TestInstallerFloods(t *testing.T) {
	for _, kind := range []string{"progress", "anything", provision.KindPacked, provision.KindAttemptFailed} {
		t.Run(kind, func(t *testing.T) {
			r := newTestServer(t)
			r.server.Limits.Events = 1 << 20
			r.arm("web1")
			token := r.script(web1MAC, "10.77.0.11")
			fields := make([]string, 16)
			for i := range fields {
				fields[i] = fmt.Sprintf(`"f%d":%q`, i, strings.Repeat("x", 500))
			}
			body := fmt.Sprintf(`{"kind":%q,"message":%q,"fields":{%s}}`, kind, strings.Repeat("y", 2000), strings.Join(fields, ","))
			refused := 0
			for range 700 {
				if w := r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", body); w.Code == http.StatusForbidden {
					refused++
				}
			}
			events, err := r.journal.Events(t.Context(), "web1", 0)
			if err != nil {
				t.Fatal(err)
			}
			size := 0
			for _, e := range events {
				size += len(e.Message)
				for k, v := range e.Fields {
					size += len(k) + len(v)
				}
			}
			if refused == 0 || size > 4<<20 {
				t.Errorf("%d events of %d bytes, %d refused", len(events), size, refused)
			}
			// Its end is heard.
			r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"failed","message":"no disk"}`), 204)
		})
	}
}

// The rate of an installer's events is bounded as well.
func TestInstallerEventsWithinAnHour(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	var w *httptest.ResponseRecorder
	for range r.server.Limits.Events + 10 {
		if w = r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", ``); w.Code == http.StatusTooManyRequests {
			break
		}
	}
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	if n := r.count("web1", "over-limit"); n != 1 {
		t.Errorf("%d events tell of it", n)
	}
}

// A report that says that others were dropped is news.
func TestDroppedReports(t *testing.T) {
	r := newTestServer(t)
	web1 := r.enrolled("web1")
	r.want(web1("POST", "/v1/report", `{"status":"ok","dropped":3}`), 204)
	r.wantEvent("web1", "over-limit")
}

// TestHostileForTenMinutes: an enrolled agent, a stranger at thousands of addresses and the
// holder of an installer's token do for ten minutes whatever they may. All of it leaves a
// small database, and another host's events are there.
func TestHostileForTenMinutes(t *testing.T) {
	r := newTestServer(t)
	keep := config.Default().Keep
	keeper := retention.New(retention.Options{
		Journal: r.journal, Store: r.server.Store, Keep: keep, Log: slog.New(slog.DiscardHandler),
		Known: func(h string) bool { return r.snap.Hosts[h] != nil }, Loaded: func() bool { return true },
	})
	web1, web2 := r.enrolled("web1"), r.enrolled("web2")
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	largest := strings.Replace(report(1<<20), `"changed"`, `"failed"`, 1)
	event := fmt.Sprintf(`{"kind":"x","message":%q}`, strings.Repeat("y", 2000))
	const steps = 60 // of ten seconds
	for step := range steps {
		for i := range 12 {
			web1("POST", "/v1/report", largest)
			web1("POST", "/v1/progress", `{"version":"v1"}`)
			r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", event)
			r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", event)
			from := fmt.Sprintf("10.77.%d.%d", 1+step, 1+i)
			r.ask(r.boot, from, "GET", "/boot/ipxe?mac="+web1MAC, "")
			r.ask(r.boot, from, "GET", "/i/wrong/ks", "")
			r.ask(r.agents, from, "POST", "/v1/enrol", `{"host":"web1"}`)
		}
		if step%10 == 0 {
			r.want(web2("POST", "/v1/report", `{"status":"failed","error":"no network"}`), 204)
		}
		r.later += 10 * time.Second
		if err := keeper.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.count("web2", "converge-failed"); n != steps/10 {
		t.Errorf("%d of %d events of web2 are there", n, steps/10)
	}
	size := r.server.Store.(store.Compacter).Size()
	t.Logf("%+v, %s", size, keeper.Stats())
	if size.File > 10<<20 {
		t.Errorf("the database has %d bytes", size.File)
	}
}
