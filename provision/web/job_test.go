package web_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/journal"
)

var orderIn = regexp.MustCompile(`rackhand\.job=(\w+) rackhand\.order=http://10\.77\.0\.1/i/([A-Za-z0-9_-]+)/job `)

func (r *testServer) armJob(host string, j provision.Job, o provision.Order) {
	r.t.Helper()
	_, err := r.journal.Arm(journal.Request{
		Host: host, Job: j, Order: o, MACs: []string{web1MAC}, Budget: provision.Budget{Attempts: 2},
		Expires: time.Hour, Source: "operator", Why: "asked for",
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *testServer) jobScript() (job, token string) {
	r.t.Helper()
	w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "")
	m := orderIn.FindStringSubmatch(w.Body.String())
	if w.Code != 200 || m == nil || strings.Contains(w.Body.String(), "inst.ks") {
		r.t.Fatalf("the boot script: %d %s", w.Code, w.Body)
	}
	return m[1], m[2]
}

// TestJobOverTheWire takes a rescue from its script to its end.
func TestJobOverTheWire(t *testing.T) {
	r := newTestServer(t)
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGm op@desk"
	r.armJob("web1", provision.JobRescue, provision.Order{Keys: []string{key}})
	job, token := r.jobScript()
	if job != "rescue" {
		t.Errorf("the script is for %s", job)
	}
	get := func(from, path string) int {
		return r.ask(r.boot, from, "GET", "/i/"+token+path, "").Code
	}
	// Nothing of an install is handed out for it, nor anything to somebody else.
	for path, want := range map[string]int{"/ks": 403, "/agent": 403, "/alive": 204} {
		if got := get("10.77.0.11", path); got != want {
			t.Errorf("%s: %d", path, got)
		}
	}
	for _, path := range []string{"/job", "/alive"} {
		if got := get("10.77.0.12", path); got != 403 {
			t.Errorf("%s from another box: %d", path, got)
		}
	}
	w := r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/job", "")
	r.want(w, 200)
	var order struct {
		ID, Host, Job string
		Keys          []string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &order); err != nil || order.ID != "web1-rescue-1" || order.Host != "web1" || order.Job != "rescue" || len(order.Keys) != 1 || order.Keys[0] != key {
		t.Errorf("the order: %s %v", w.Body, err)
	}
	post := func(path, body string) int {
		return r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+path, body).Code
	}
	if got := post("/report", `{}`); got != 403 {
		t.Errorf("a report before it began: %d", got)
	}
	for body, want := range map[string]int{`{"stage":"packages"}`: 400, `{"stage":"installed"}`: 400, `{"stage":"serving"}`: 400} {
		if got := post("/event", body); got != want {
			t.Errorf("%s: %d", body, got)
		}
	}
	if got := post("/event", `{"stage":"installer","kind":"started","message":"here"}`); got != 204 {
		t.Fatalf("it begins: %d", got)
	}
	if got := get("10.77.0.11", "/job"); got != 403 {
		t.Errorf("its order after it began: %d", got)
	}
	// Another boot in the middle gets the disk.
	if w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, ""); !strings.Contains(w.Body.String(), "sanboot") {
		t.Errorf("a rescue that runs is handed out again: %s", w.Body)
	}
	for body, want := range map[string]int{`[1]`: 400, `{`: 400, `{"x":"` + strings.Repeat("x", 300<<10) + `"}`: 413, `{"a":1}`: 204, `{"a":2}`: 204} {
		if got := post("/report", body); got != want {
			t.Errorf("a report %.10s: %d", body, got)
		}
	}
	if got := post("/event", `{"stage":"done","message":"the end"}`); got != 204 {
		t.Errorf("the end: %d", got)
	}
	if got := get("10.77.0.11", "/alive"); got != 403 {
		t.Errorf("after its end: %d", got)
	}
	if _, ok := r.journal.Install("web1"); ok {
		t.Error("a rescue has made an install")
	}
}

// TestJobCancelled: a box learns that its job is no longer wanted.
func TestJobCancelled(t *testing.T) {
	r := newTestServer(t)
	r.armJob("web1", provision.JobWipe, provision.Order{})
	_, token := r.jobScript()
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"installer"}`), 204)
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/alive", ""), 204)
	if err := r.journal.Record(provision.Event{Host: "web1", Source: "operator", Kind: "cancelled", Stage: provision.Cancelled}); err != nil {
		t.Fatal(err)
	}
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/alive", ""), 403)
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"done"}`), 403)
}

// TestInstallIsNoJob: an install's token opens nothing of a job's.
func TestInstallIsNoJob(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/job", ""), 403)
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/alive", ""), 403)
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"done"}`), 400)
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event", `{"stage":"installer"}`), 204)
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/report", `{}`), 403)
}

// TestJobOfAnyHost: a host whose system is no image, or that has none, boots the
// kernel of another image for its processor.
func TestJobOfAnyHost(t *testing.T) {
	for name, system := range map[string]*inventory.System{
		"none":      nil,
		"anaconda":  {Name: "rocky9", Installer: inventory.InstallerAnaconda},
		"not built": {Name: "later", Installer: inventory.InstallerImage, Image: "later"},
	} {
		r := newTestServer(t)
		r.snap.Hosts["web1"].System = system
		r.armJob("web1", provision.JobBurnin, provision.Order{Minutes: 1})
		if job, _ := r.jobScript(); job != "burnin" {
			t.Errorf("%s: %s", name, job)
		}
		if err := r.server.Handout.JobReady(r.snap.Hosts["web1"]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.RemoveAll(filepath.Join(r.images, "debian12")); err != nil {
			t.Fatal(err)
		}
		if err := r.server.Handout.JobReady(r.snap.Hosts["web1"]); err == nil || !strings.Contains(err.Error(), "image") {
			t.Errorf("%s, without any image: %v", name, err)
		}
		r.want(r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, ""), http.StatusServiceUnavailable)
	}
}

// TestJobOfAnacondaHost: its media are at hand, and Anaconda's kernel would do the job
// as little as anybody's.
func TestJobOfAnacondaHost(t *testing.T) {
	r, _ := anacondaServer(t)
	r.armJob("web1", provision.JobWipe, provision.Order{})
	w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "")
	r.want(w, 200)
	if body := w.Body.String(); !strings.Contains(body, "/image/debian12/vmlinuz") || strings.Contains(body, "/media/") || strings.Contains(body, "inst.") || !orderIn.MatchString(body) {
		t.Errorf("the script of a wipe: %s", body)
	}
}
