package appliance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/operate"
	"rackhand/provision/preview"
	"rackhand/provision/web/page"
	"rackhand/templates"
)

// planted is in every secret of these tests, and nowhere else.
const planted = "PLANTED"

// leakyInventory names secrets wherever one may be named, and has a Kickstart and a
// role that use all of them.
func leakyInventory(t *testing.T) (dir string, secrets config.Secrets) {
	t.Helper()
	dir = t.TempDir()
	write(t, dir, "rack.yaml", `networks:
  rack1: {subnet: 10.77.0.0/24, gateway: 10.77.0.1}
systems:
  debian12: {installer: image, image: debian12}
defaults:
  system: debian12
  kickstart: own.ks
  role: web
  bmc: {user: admin, password: {secret: bmc/all}}
  variables:
    root_password: {secret: rootpw/all}
    plain_name: plain/name
    users: [{name: a, password: {secret: users/a}}, {name: b, password: {secret: users/b}}]
    app: {db: {password: {secret: app/db}}}
hosts:
  web1: {mac: "52:54:00:00:00:01", address: 10.77.0.11, bmc: {address: 10.77.0.111, password: {secret: bmc/web1}}}
  web2: {mac: "52:54:00:00:00:02", address: 10.77.0.12, bmc: {address: 10.77.0.112}, variables: {root_password: {secret: rootpw/web2}}}
  web3: {mac: "52:54:00:00:00:03", address: 10.77.0.13, kickstart: base.ks}
`)
	write(t, dir, "roles/web.yaml", `resources:
  - package: nginx
  - file: /etc/app.conf
    content: "db=${var.app.db.password} key=${secret.app/key}"
  - file: /etc/app.env
    template: app.env
`)
	write(t, dir, "templates/app.env", `KEY={{ secret "app/key" }} DB={{ range list "users" }}{{ .password }}{{ end }}`)
	write(t, dir, "templates/own.ks", `lang C.UTF-8
rootpw --iscrypted {{ ksquote (crypt (secret (var "root_password"))) }}
{{ range list "users" -}}
user --name={{ .name }} --plaintext --password={{ ksquote .password }}
{{ end -}}
zerombr
clearpart --all
part biosboot --fstype=biosboot --size=1
part / --fstype=ext4 --size=1024 --grow
liveimg --url={{ .Image.URL }} --checksum={{ .Image.SHA256 }}
%post
echo {{ quote (secret (var "plain_name")) }} > /etc/key
%end
`)
	c := config.Default()
	c.Secrets = t.TempDir()
	for _, name := range []string{"bmc/all", "bmc/web1", "rootpw/all", "rootpw/web2", "plain/name", "users/a", "users/b", "app/db", "app/key"} {
		write(t, c.Secrets, name, planted+" of "+name+"\n")
	}
	return dir, c.SecretSources(os.LookupEnv)
}

// wantNoSecret checks that a text, which something shows, holds no planted secret.
func wantNoSecret(t *testing.T, what, text string) {
	t.Helper()
	if text == "" {
		t.Errorf("%s: nothing to look at", what)
	}
	if i := strings.Index(text, planted); i >= 0 {
		t.Errorf("%s shows a secret: ...%s", what, text[max(0, i-60):min(len(text), i+60)])
	}
}

// openPreview opens a folder that must have no problems.
func openPreview(t *testing.T, dir string, o preview.Options) *preview.Preview {
	t.Helper()
	p, problems := preview.Open(dir, o)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestNoSecretIsRendered: `rackhand render` shows no secret unless it is told to.
func TestNoSecretIsRendered(t *testing.T) {
	dir, secrets := leakyInventory(t)
	// This render has the secrets, which shows that the masked one would have them too.
	revealed := openPreview(t, dir, preview.Options{Secret: secrets.Get, Random: bytes.NewReader(make([]byte, 1<<10))})
	masked := openPreview(t, dir, preview.Options{})
	for _, host := range masked.Snapshot.HostNames() {
		for _, answer := range []preview.Answer{preview.Kickstart, preview.Script, preview.Menu, preview.CatalogJSON} {
			text, notes, err := masked.Render(host, answer)
			if err != nil {
				t.Fatal(err)
			}
			wantNoSecret(t, "render "+host+" "+string(answer), text+strings.Join(notes, "\n"))
			shown, _, err := revealed.Render(host, answer)
			if err != nil {
				t.Fatal(err)
			}
			if secretive := answer == preview.CatalogJSON || answer == preview.Kickstart && host != "web3"; secretive && !strings.Contains(shown, planted) {
				t.Errorf("%s of %s has no secret even when revealed: this test looks at nothing", answer, host)
			}
		}
	}
}

// TestNoSecretIsExplained: neither `rackhand explain` nor a host's status shows a secret.
func TestNoSecretIsExplained(t *testing.T) {
	dir, _ := leakyInventory(t)
	snap := openPreview(t, dir, preview.Options{}).Snapshot
	for _, host := range snap.HostNames() {
		settings, err := inventory.ExplainHost(snap, host)
		if err != nil {
			t.Fatal(err)
		}
		wantNoSecret(t, "explain "+host, fmt.Sprintf("%+v", settings))
		b, err := json.Marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		wantNoSecret(t, "explain --json "+host, string(b))
	}
	status := operate.Statuses(snap, map[string]provision.Install{"web1": {ID: "i1", Host: "web1", Stage: provision.Installer}}, nil, map[string]journal.Host{})
	b, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	wantNoSecret(t, "status --json", string(b))
}

// TestNoSecretInDiff: neither `rackhand diff` nor the event of a reload shows a secret.
func TestNoSecretInDiff(t *testing.T) {
	dir, _ := leakyInventory(t)
	before := openPreview(t, dir, preview.Options{})
	other, _ := leakyInventory(t)
	write(t, other, "roles/web.yaml", "resources:\n  - file: /etc/app.conf\n    content: \"other=${secret.app/key}\"\n")
	write(t, other, "templates/base.users.ks", "rootpw --plaintext {{ ksquote (var \"root_password\") }}\n")
	changed := openPreview(t, other, preview.Options{})
	comparison, err := preview.Compare(t.Context(), before, changed, "HEAD")
	if err != nil || !comparison.Any() {
		t.Fatalf("%+v, %v", comparison, err)
	}
	var out bytes.Buffer
	if err := comparison.Write(&out); err != nil {
		t.Fatal(err)
	}
	wantNoSecret(t, "diff", out.String())
	wantNoSecret(t, "the event of a reload", loadedMessage(changed.Snapshot, inventory.Diff(before.Snapshot, changed.Snapshot))+".")
}

// TestNoSecretIsCopied: the copy of the last good inventory holds no secret.
func TestNoSecretIsCopied(t *testing.T) {
	dir, _ := leakyInventory(t)
	file := filepath.Join(t.TempDir(), "good.json")
	if err := keepGood(dir, file, nil, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wantNoSecret(t, "the copy of the last good inventory", string(kept))
}

// TestNoSecretInProblems: a check or a render that fails while it holds a secret doesn't show
// it. The error becomes an event and stands on the page.
func TestNoSecretInProblems(t *testing.T) {
	dir, secrets := leakyInventory(t)
	var log bytes.Buffer
	var shown []string
	for _, line := range []string{
		`lang {{ secret "app/key" }} {{ secret "app/db" }}`, `timezone --{{ secret "app/key" }}`, `{{ secret "app/key" }}`,
		`network --ip={{ secret "app/key" }}`, `{{ addr 1 (secret "app/key") }}`, `{{ ksquote (printf "%s\n" (secret "app/key")) }}`,
		`part / --fstype=ext4 --size={{ ksquote (secret "app/key") }}`, `{{ .Refuse "not %v" (secret "app/key") }}`,
		`rootpw --{{ secret "app/key" }} x`, `{{ secret (secret "app/key" | printf "%s") }}`, "'{{ secret \"app/key\" }}", "%pre --{{ secret \"app/key\" }}",
	} {
		write(t, dir, "templates/own.ks", line+"\n")
		c := preview.Check(dir, nil)
		if len(c.Problems) == 0 {
			t.Errorf("%s: no problem", line)
		}
		shown = append(shown, c.Problems.String(), c.Warnings.String())
		p, problems := preview.Open(dir, preview.Options{Secret: secrets.Get})
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.Render("web1", preview.Kickstart); err != nil {
			shown = append(shown, err.Error())
		}
	}
	write(t, dir, "roles/web.yaml", "resources:\n  - package: ${var.app.db.password}\n  - file: /etc/x\n    content: ${secret.nope}\n    owner: ${var.app.db.password}\n")
	c := preview.Check(dir, nil)
	shown = append(shown, c.Problems.String())
	if _, err := secrets.Get("nope"); err != nil {
		shown = append(shown, err.Error())
	}

	all := strings.Join(shown, "\n")
	if strings.Contains(all, planted) || strings.Contains(all, templates.StandIn) {
		t.Errorf("a secret is shown, or what stood in for one:\n%s", all)
	}
	// The page, with all of them on it.
	h, err := page.New(page.Options{Source: pageOf{shown}, Log: slog.New(slog.NewTextHandler(&log, nil)), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/host/web1"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		body, err := io.ReadAll(w.Result().Body)
		if err != nil || w.Code != 200 {
			t.Fatalf("%s: %d, %v", path, w.Code, err)
		}
		if strings.Contains(string(body), planted) || strings.Contains(log.String(), planted) {
			t.Errorf("%s shows a secret", path)
		}
	}
}

// pageOf is a source with one host, its problems and events.
type pageOf struct{ said []string }

func (p pageOf) Hosts(context.Context) ([]provision.HostStatus, error) {
	return []provision.HostStatus{{Host: "web1", Address: "10.77.0.11"}}, nil
}

func (p pageOf) Events(context.Context, string, int) ([]provision.Event, error) {
	var out []provision.Event
	for i, text := range p.said {
		out = append(out, provision.Event{Seq: uint64(i + 1), Host: "web1", Source: "web", Kind: "template", Message: text})
	}
	return out, nil
}

func (p pageOf) Subscribe(context.Context, uint64) (<-chan provision.Event, error) {
	ch := make(chan provision.Event)
	close(ch)
	return ch, nil
}

func (p pageOf) Problems() []string { return p.said }

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
