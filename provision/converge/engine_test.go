package converge

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/files"
)

func yes() *bool { b := true; return &b }
func no() *bool  { return new(bool) }

func file(path, content string, notify ...string) catalog.Resource {
	return catalog.Resource{ID: catalog.ID("file", path), File: &catalog.File{Path: path, Ensure: "file", Content: content}, Notify: notify}
}

func service(s catalog.Service) catalog.Resource {
	return catalog.Resource{ID: catalog.ID("service", s.Name), Service: &s}
}

func TestServices(t *testing.T) {
	tests := []struct {
		name    string
		unit    string // as the fake systemctl keeps it; "" for none
		service catalog.Service
		want    string
		actions string // besides the questions
	}{
		{"holds", "active\nenabled\n", catalog.Service{Running: yes(), Enabled: yes()}, "ok", ""},
		{"start and enable", "inactive\ndisabled\n", catalog.Service{Running: yes(), Enabled: yes()}, "changed enabled; started", "enable start"},
		{"stop and disable", "active\nenabled\n", catalog.Service{Running: no(), Enabled: no()}, "changed disabled; stopped", "disable stop"},
		{"failed before", "failed\nenabled\n", catalog.Service{Running: yes()}, "changed started", "reset-failed start"},
		{"static can't be enabled", "active\nstatic\n", catalog.Service{Enabled: yes()}, "ok", ""},
		{"nothing declared", "failed\nmasked\n", catalog.Service{}, "ok", ""},
		{"not there and not wanted", "", catalog.Service{Running: no(), Enabled: no()}, "ok", ""},
		{"not there", "", catalog.Service{Running: yes()}, "failed systemctl start -- web: exit status 5: Unit web not found.", "start"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakes(t)
			if tt.unit != "" {
				f.write("units/web", tt.unit)
			}
			tt.service.Name = "web"
			got := f.converge(service(tt.service))[0]
			if text := strings.TrimSpace(got.Status + " " + got.Message); text != tt.want {
				t.Errorf("got %q, want %q", text, tt.want)
			}
			if got := f.actions(); got != tt.actions {
				t.Errorf("actions %q, want %q", got, tt.actions)
			}
			if got.Status != catalog.Failed {
				if again := f.converge(service(tt.service))[0]; again.Status != catalog.OK {
					t.Errorf("the second run: %+v", again)
				}
			}
		})
	}
}

// TestServiceAlias: under an alias it is the unit behind that is asked about, enabled
// and disabled; started and stopped by either name.
func TestServiceAlias(t *testing.T) {
	for _, tt := range []struct {
		name, alias, unit string // as the fake systemctl keeps them; the third line is show's Id
		service           catalog.Service
		want, did         string
	}{
		{"not enabled yet", "active\nalias\nnfs-server.service\n", "active\ndisabled\n", catalog.Service{Running: yes(), Enabled: yes()}, "changed enabled", "enable -- nfs-server.service"},
		{"enabled as wanted", "active\nalias\nnfs-server.service\n", "active\nenabled\n", catalog.Service{Running: yes(), Enabled: yes()}, "ok", ""},
		{"to be disabled", "inactive\nalias\nnfs-server.service\n", "inactive\nenabled\n", catalog.Service{Running: no(), Enabled: no()}, "changed disabled", "disable -- nfs-server.service"},
		{"disabled as wanted", "inactive\nalias\nnfs-server.service\n", "inactive\ndisabled\n", catalog.Service{Running: no(), Enabled: no()}, "ok", ""},
		{"to be started too", "inactive\nalias\nnfs-server.service\n", "inactive\ndisabled\n", catalog.Service{Running: yes(), Enabled: yes()}, "changed enabled; started", "enable -- nfs-server.service, start -- web"},
		{"of a static unit", "active\nalias\nnfs-server.service\n", "active\nstatic\n", catalog.Service{Enabled: yes()}, "ok", ""},
		{"of a unit that others start", "active\nalias\nalso.service\n", "", catalog.Service{Enabled: yes()}, "ok", ""},
		{"of a unit that it makes indirect", "active\nalias\nlinked.service\n", "", catalog.Service{Enabled: yes()}, "changed enabled", "enable -- linked.service"},
		{"of a unit that it makes indirect, not wanted", "active\nalias\nlinked.service\n", "", catalog.Service{Enabled: no()}, "ok", ""},
		{"of a masked unit", "inactive\nalias\nnfs-server.service\n", "inactive\nmasked\n", catalog.Service{Enabled: no()}, "ok", ""},
		{"of nothing that systemd knows", "active\nalias\n\n", "", catalog.Service{Enabled: yes()}, "failed systemctl show web: exit status 0", ""},
		{"of itself", "active\nalias\nweb\n", "", catalog.Service{Enabled: yes()}, "failed web is an alias, and systemd doesn't say of which unit: name that unit, or run systemctl daemon-reload if its links were changed", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakes(t)
			f.write("units/web", tt.alias)
			f.write("units/nfs-server.service", tt.unit)
			for name, install := range map[string]string{"also": "Also=other.socket", "linked": "WantedBy=multi-user.target"} {
				f.write("units/"+name+".service", "active\nindirect\n")
				f.write("root/cat/"+name+".service", "# /lib/x\n[Unit]\nAlias=no\n[Service]\nExecStart=/bin/true\n\n[Install]\n;WantedBy=no\nWantedBy=\n"+install+"\n")
			}
			tt.service.Name = "web"
			got := f.converge(service(tt.service))[0]
			if text := strings.TrimSpace(got.Status + " " + got.Message); text != tt.want {
				t.Errorf("got %q, want %q", text, tt.want)
			}
			var did []string
			for _, line := range f.log() {
				if line = strings.TrimPrefix(line, "systemctl "); !strings.HasPrefix(line, "is-") && !strings.HasPrefix(line, "show ") {
					did = append(did, line)
				}
			}
			if got := strings.Join(did, ", "); got != tt.did {
				t.Errorf("did %q, want %q", got, tt.did)
			}
		})
	}
}

// actions are what systemctl was told to do.
func (f *fakes) actions() string {
	f.t.Helper()
	var out []string
	for _, line := range f.log() {
		words := strings.Fields(line)
		if words[0] == "systemctl" && !strings.HasPrefix(words[1], "is-") && words[1] != "show" {
			out = append(out, words[1])
		}
	}
	return strings.Join(out, " ")
}

func TestNotify(t *testing.T) {
	f := newFakes(t)
	f.write("units/web", "active\nenabled\n")
	f.write("need-reload", "yes\n")
	conf := file("/etc/web.conf", "one", "service[web]")
	got := statuses(f.converge(conf, service(catalog.Service{Name: "web", Running: yes()})))
	want := []string{"file[/etc/web.conf] changed made, 3 bytes", "service[web] changed restarted, since file[/etc/web.conf] changed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := f.actions(); got != "daemon-reload restart" {
		t.Errorf("actions %q", got)
	}
	f.converge(conf, service(catalog.Service{Name: "web", Running: yes()}))
	if got := f.actions(); got != "" {
		t.Errorf("nothing changed, but: %q", got)
	}
	conf.File.Content = "two"
	f.converge(conf, service(catalog.Service{Name: "web", Refresh: "reload"}))
	if got := f.actions(); got != "reload" {
		t.Errorf("actions %q, want a reload", got)
	}
	f.write("units/web", "inactive\nenabled\n")
	conf.File.Content = "three"
	f.converge(conf, service(catalog.Service{Name: "web"}))
	f.converge(conf, service(catalog.Service{Name: "web", Running: yes()}))
	if got := f.actions(); got != "start" {
		t.Errorf("actions %q: what isn't running needs no restart, and what was started none on top", got)
	}
	if s := f.state(); len(s.Pending) > 0 {
		t.Errorf("still pending: %v", s.Pending)
	}
}

// A restart that failed is done again at the next run, when the file is long in
// place.
func TestFailedRestartIsDoneAgain(t *testing.T) {
	f := newFakes(t)
	f.write("units/web", "active\nenabled\n")
	f.write("systemctl-fails-restart", "")
	resources := []catalog.Resource{file("/etc/web.conf", "one", "service[web]"), service(catalog.Service{Name: "web"})}
	if got := f.converge(resources...); got[1].Status != catalog.Failed {
		t.Fatalf("the restart failed, the result is %+v", got[1])
	}
	if got := f.converge(resources...); got[0].Status != catalog.OK || got[1].Status != catalog.Failed {
		t.Fatalf("it failed again, the results are %+v", got)
	}
	if err := os.Remove(filepath.Join(f.dir, "systemctl-fails-restart")); err != nil {
		t.Fatal(err)
	}
	f.log()
	if got := f.converge(resources...); got[1].Status != catalog.Changed || f.actions() != "restart" {
		t.Fatalf("the restart that was due: %+v", got[1])
	}
	if got := f.converge(resources...); got[1].Status != catalog.OK {
		t.Fatalf("the run after that: %+v", got[1])
	}
}

// markingFiles looks at the state on disk at the moment a file is changed.
type markingFiles struct {
	*fakes
	*files.Files
	seen []string
}

func (m *markingFiles) Apply(ctx context.Context, file *catalog.File) error {
	for id := range m.state().Pending {
		m.seen = append(m.seen, id)
	}
	return m.Files.Apply(ctx, file)
}

func TestRestartIsOnDiskBeforeTheChange(t *testing.T) {
	f := newFakes(t)
	f.write("units/web", "active\nenabled\n")
	e := f.engine()
	m := &markingFiles{fakes: f, Files: f.files()}
	e.Files = m
	c := &catalog.Catalog{Resources: []catalog.Resource{file("/etc/web.conf", "one", "service[web]"), service(catalog.Service{Name: "web"})}}
	e.Converge(t.Context(), c, f.state(), false)
	if diff := cmp.Diff([]string{"service[web]"}, m.seen); diff != "" {
		t.Errorf("pending on disk while the file was changed (-want +got):\n%s", diff)
	}
}

// A service is left alone while its configuration is half there, and a change
// that did not happen asks for no restart.
func TestRefusedConfiguration(t *testing.T) {
	f := newFakes(t)
	f.write("units/web", "active\nenabled\n")
	bad := file("/etc/web.conf", "bad", "service[web]")
	bad.File.Validate = []string{"false"}
	got := f.converge(bad, service(catalog.Service{Name: "web", Running: yes()}))
	if got[0].Status != catalog.Failed || got[1].Status != catalog.Skipped || f.actions() != "" {
		t.Errorf("got %+v", got)
	}
	if s := f.state(); len(s.Pending) > 0 {
		t.Errorf("pending although nothing changed: %v", s.Pending)
	}
	bad.File.Validate = nil
	bad.Notify = nil
	if got := f.converge(bad, service(catalog.Service{Name: "web"})); got[1].Status != catalog.OK || Worst(got) != catalog.Changed {
		t.Errorf("got %+v", got)
	}
}

func TestForeignPendingIsDropped(t *testing.T) {
	f := newFakes(t)
	s := f.state()
	if _, err := s.mark([]string{"service[gone]"}, "file[/x]", time.Now()); err != nil {
		t.Fatal(err)
	}
	f.converge()
	if s := f.state(); len(s.Pending) > 0 {
		t.Errorf("pending: %v", s.Pending)
	}
}

func TestDryRun(t *testing.T) {
	f := newFakes(t)
	f.write("units/web", "inactive\ndisabled\n")
	f.write("index", "web\n")
	c := &catalog.Catalog{Resources: []catalog.Resource{
		pkg("web", "present"), file("/etc/web/x.conf", "x", "service[web]"), file("/etc/motd", "hello"),
		service(catalog.Service{Name: "web", Running: yes(), Enabled: yes()}),
	}}
	got := statuses(f.engine().Converge(t.Context(), c, f.state(), true))
	want := []string{
		"package[web] changed installed",
		"file[/etc/web/x.conf] unknown until package[web] is made: directory /etc/web, at web: no such file or directory: declare file[/etc/web] with ensure: directory",
		"file[/etc/motd] changed made, 5 bytes",
		"service[web] changed enabled; started",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if log := f.log(); logged(log, "apt-get") > logged(log, "apt-get -q -y -s ") || logged(log, "enable ") > 0 || logged(log, "start ") > 0 {
		t.Errorf("a dry run ran %q", log)
	}
	if _, err := os.Stat(filepath.Join(f.dir, "root/etc/motd")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a dry run wrote a file")
	}
	if _, err := os.Stat(filepath.Join(f.dir, "state.json")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a dry run wrote the state")
	}
}

// hangingFiles never come back from one file.
type hangingFiles struct {
	*files.Files
	hang chan struct{}
}

func (h hangingFiles) Check(ctx context.Context, file *catalog.File) ([]string, error) {
	if file.Path == "/nfs/x" {
		<-h.hang
	}
	return h.Files.Check(ctx, file)
}

// A hung file system fails what lies on it and nothing else, and isn't touched
// again while it hangs.
func TestHangingResource(t *testing.T) {
	f := newFakes(t)
	e := f.engine()
	h := hangingFiles{f.files(), make(chan struct{})}
	e.Files, e.Grace = h, time.Millisecond
	hung := file("/nfs/x", "x")
	hung.Deadline = 1
	c := &catalog.Catalog{Resources: []catalog.Resource{hung, file("/etc/motd", "x")}}
	got := e.Converge(t.Context(), c, f.state(), false)
	if got[0].Status != catalog.Failed || !strings.Contains(got[0].Message, "deadline of 1s has passed, and the work hangs") || got[1].Status != catalog.Changed {
		t.Errorf("got %+v", got)
	}
	got = e.Converge(t.Context(), c, f.state(), false)
	if got[0].Status != catalog.Failed || !strings.Contains(got[0].Message, "still hangs") {
		t.Errorf("got %+v", got)
	}
	close(h.hang)
}

func TestDeadlineEndsAProgram(t *testing.T) {
	f := newFakes(t)
	slow := file("/etc/x", "x")
	slow.Deadline = 1
	slow.File.Validate = []string{"sh", "-c", "sleep 1000 & wait", "%s"}
	got := f.converge(slow)
	if got[0].Status != catalog.Failed || !strings.Contains(got[0].Message, "deadline of 1s") {
		t.Errorf("got %+v", got)
	}
}

func TestDamagedStateIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(path, []byte(`{"pending":`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, damaged, err := OpenState(path)
	if err != nil || damaged == nil || len(s.Pending) > 0 {
		t.Fatalf("got %+v, %v, %v", s, damaged, err)
	}
	if _, err := os.Stat(path + ".damaged"); err != nil {
		t.Error(err)
	}
	if err := s.Save(); err != nil {
		t.Error(err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the state's mode: %v, %v", fi, err)
	}
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"pending":{"service[x]":{"by":["a"]}},"unsent":[{"host":"a"}]}`))
	f.Add([]byte(`{"pending":null}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "state.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s, _, err := OpenState(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.mark([]string{"service[y]"}, "z", time.Time{}); err != nil {
			t.Fatal(err)
		}
	})
}
