package converge

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/packages"
)

// testClock is a clock that can be wrong, and perhaps not be set.
type testClock struct {
	now    time.Time
	sets   int
	refuse bool
}

func (c *testClock) Now() time.Time { return c.now }

func (c *testClock) Set(t time.Time) error {
	c.sets++
	if c.refuse {
		return errors.New("operation not permitted")
	}
	c.now = t
	return nil
}

// testHost is a host, its agent and its appliance.
type testHost struct {
	*fakes
	*Agent
	app    *appliance
	clock  *testClock
	out    *bytes.Buffer
	pauses int

	synchronised bool          // whether something keeps its clock right
	boot         string        // which boot this is
	up           time.Duration // since then
}

const now = "2026-11-22T17:00:00Z"

func newTestHost(t *testing.T) *testHost {
	t.Helper()
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		t.Fatal(err)
	}
	r := &testHost{fakes: newFakes(t), app: newAppliance(t, at), clock: &testClock{now: at}, out: &bytes.Buffer{}, boot: "one", up: time.Hour}
	r.write("root/etc/rackhand/agent.json", fmt.Sprintf(`{"appliance": %q, "host": "web1"}`, r.app.URL))
	r.write("root/etc/rackhand/ca.pem", r.app.caPEM())
	r.write("root/etc/rackhand/enrol-token", r.app.token+"\n")
	r.app.catalog.Resources = []catalog.Resource{file("/etc/motd", "hello\n")}
	r.restart()
	return r
}

// restart is a new process: it knows what is on disk and nothing else.
func (r *testHost) restart() {
	log := slog.New(slog.NewTextHandler(r.out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	engine := r.engine()
	engine.Log = log
	r.Agent = &Agent{
		Paths: r.root, Engine: engine, Log: log, Clock: r.clock, Sleep: noSleep(&r.pauses),
		Random: mrand.New(mrand.NewPCG(1, 2)), Keys: rand.Reader, Packages: engine.Packages.(*packages.Apt),
		Synchronised: func() bool { return r.synchronised },
		Uptime:       func() (string, time.Duration) { return r.boot, r.up },
	}
}

func (r *testHost) once(want string) {
	r.t.Helper()
	status, err := r.Once(r.t.Context(), false)
	if err != nil || status != want {
		r.t.Fatalf("Once = %q, %v; want %q\n%s", status, err, want, r.out)
	}
}

func (r *testHost) exists(name string) bool {
	_, err := os.Stat(filepath.Join(r.dir, name))
	return err == nil
}

// noSecrets checks that the log and the reports contain no secret.
func (r *testHost) noSecrets() {
	r.t.Helper()
	text := r.out.String() + fmt.Sprintf("%+v", r.app.reports)
	for _, secret := range []string{r.app.token, "hunter2", "PRIVATE KEY"} {
		if strings.Contains(text, secret) {
			r.t.Errorf("%q stands in:\n%s", secret, text)
		}
	}
}
