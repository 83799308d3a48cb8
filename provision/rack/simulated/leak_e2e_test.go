//go:build e2e

package simulated_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/rack/simulated"
	"rackhand/provision/store"
)

// envLeaks is a leaking as JSON: the test binary, run again at the box's address.
const envLeaks = "RACKHAND_LEAKS_E2E"

// A leaking is an installer that says secrets in all that it says.
type leaking struct {
	Token string
	When  string // stands in each line and message
	Texts []string
}

// planted are secrets of web1: of its variables, of a template of the site, of its role,
// and one that is short.
var planted = map[string]string{"root": `PLANTED'p"a ss$w/1`, "site": "PLANTED in a template", "role": "PLANTED-of-the-role", "pin": "Zq7"}

// plantedForms are the ways in which programs write them.
func plantedForms() []string {
	p := planted["root"]
	js, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	query := url.QueryEscape(p)
	small := regexp.MustCompile(`%[0-9A-F]{2}`).ReplaceAllStringFunc(query, strings.ToLower)
	return []string{
		p, strings.ReplaceAll(p, "'", `'\''`), strings.NewReplacer("'", `\'`, `"`, `\"`, " ", `\ `, "$", `\$`).Replace(p),
		query, url.PathEscape(p), small, strings.Trim(string(js), `"`), html.EscapeString(p),
		base64.StdEncoding.EncodeToString([]byte("root:" + p)), planted["site"], planted["role"],
	}
}

// short is the short secret where it stands alone.
var short = regexp.MustCompile(`(^|\W)Zq7(\W|$)`)

// leaked finds what is planted in a text, in any form, cut off too.
func leaked(text []byte) string {
	at := short.FindIndex(text)
	for _, form := range append(plantedForms(), "PLANTED", "UExBTlRFRC", "BMQU5URU", "QTEFOVE") {
		if i := bytes.Index(text, []byte(form)); i >= 0 {
			at = []int{i, i + len(form)}
		}
	}
	if at == nil {
		return ""
	}
	return strconv.Quote(string(text[max(0, at[0]-100):min(len(text), at[1]+100)]))
}

// leakMain is the installer that leaks.
func leakMain(args []byte) error {
	var l leaking
	if err := json.Unmarshal(args, &l); err != nil {
		return err
	}
	appliance := appliance.String()
	for _, network := range []string{"tcp", "udp"} {
		c, err := net.Dial(network, net.JoinHostPort(appliance, "514"))
		if err != nil {
			return err
		}
		// The first package of a connection, and of the datagrams, becomes an event.
		if _, err := fmt.Fprintf(c, "<142>Jan  1 00:00:00 localhost anaconda: packaging: Installed: %s\n", planted[map[string]string{"tcp": "role", "udp": "site"}[network]]); err != nil {
			return err
		}
		for n, text := range append(l.Texts, "the end") {
			tag := text
			if strings.Contains(tag, " ") {
				tag = "anaconda"
			}
			if _, err := fmt.Fprintf(c, "<142>Jan  1 00:00:00 localhost %s: main: + curl -d %s; %s %s %d, the pin is Zq7.\n", tag, text, l.When, network, n); err != nil {
				return err
			}
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	post := func(code int, event map[string]any) error {
		b, err := json.Marshal(event)
		if err != nil {
			return err
		}
		res, err := http.Post("http://"+appliance+"/i/"+l.Token+"/event", "application/json", bytes.NewReader(b))
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != code {
			return fmt.Errorf("%s: status %d, want %d", b, res.StatusCode, code)
		}
		return nil
	}
	var errs []error
	for n, text := range l.Texts {
		message := fmt.Sprintf("%s event %d: %s, the pin is Zq7, the token %s", l.When, n, text, l.Token)
		fields := map[string]string{text: "is " + text, "pin": "Zq7", "when": l.When}
		for _, kind := range []string{text[:min(len(text), 40)], provision.KindProgress, provision.KindDisksBlank} {
			errs = append(errs, post(http.StatusNoContent, map[string]any{"message": message, "kind": kind, "fields": fields}))
		}
		errs = append(errs, post(http.StatusBadRequest, map[string]any{"message": message, "stage": text}))
		// A script that has its URL wrong.
		if res, err := http.Get("http://" + appliance + "/i/" + l.Token + "/" + url.PathEscape(text)); err == nil {
			_ = res.Body.Close()
		}
	}
	return errors.Join(errs...)
}

// TestPlantedSecrets: an installer says its host's secrets in every form, by syslog and by
// events, before and after the appliance is killed in the middle of the install. The
// appliance doesn't keep, log or show any of them.
func TestPlantedSecrets(t *testing.T) {
	t.Parallel()
	r := newTestRackWith(t, func(r *testRack) {
		r.files(rocky9)
		r.plant()
	})
	off, powerOff := context.WithCancel(t.Context())
	ended := r.runToUntil(off, powered{Options: simulated.Options{PauseAt: simulated.PausePackages}})
	// From here on its answer file alone had that secret.
	if err := os.Remove(filepath.Join(r.dir, "inventory/templates/post.ks")); err != nil {
		t.Fatal(err)
	}
	token := r.overheard().Token
	r.leak(leaking{token, "before", plantedForms()})
	r.kill()
	r.appliance()
	r.leak(leaking{token, "after", plantedForms()})
	powerOff()
	<-ended
	for what, text := range r.shown() {
		if x := leaked(text); x != "" {
			t.Errorf("%s: %s", what, x)
		}
		for _, said := range []string{"before", "after"} {
			if !strings.Contains(what, "status") && !bytes.Contains(text, []byte(said)) {
				t.Errorf("%s: nothing of what was said %s is there", what, said)
			}
		}
	}
	r.kill()
	r.searched("as it was killed")
	s, err := store.OpenBolt(filepath.Join(r.dir, "state/rackhand.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.(store.Compacter).Compact(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	r.searched("compacted")
}

// plant writes the secrets and what names them.
func (r *testRack) plant() {
	r.t.Helper()
	files := map[string]string{
		"inventory/roles/door.yaml":   "resources:\n  - file: /etc/door\n    content: ${secret.role}\n",
		"inventory/templates/post.ks": "%post\n: {{ secret \"site\" }}\n%end\n",
	}
	for name, value := range planted {
		files["secrets/"+name] = value + "\n"
	}
	rack := filepath.Join(r.dir, "inventory/rack.yaml")
	text, err := os.ReadFile(rack)
	if err != nil {
		r.t.Fatal(err)
	}
	files["inventory/rack.yaml"] = strings.Replace(string(text), "variables: {root_password: root}", "role: door\n    variables: {root_password: {secret: root}, door: {pin: {secret: pin}}}", 1)
	for name, text := range files {
		path := filepath.Join(r.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			r.t.Fatal(err)
		}
	}
}

// leak has the installer say all of it, and waits until the appliance has heard it.
func (r *testRack) leak(l leaking) {
	r.t.Helper()
	args, err := json.Marshal(l)
	if err != nil {
		r.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := r.beside(r.t.Context(), self)
	cmd.Env = append(os.Environ(), envLeaks+"="+string(args))
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
	for _, network := range []string{"tcp", "udp"} {
		last := fmt.Sprintf("%s %s %d,", l.When, network, len(l.Texts))
		for end := time.Now().Add(patience); !strings.Contains(r.log(), last); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				r.t.Fatalf("%q is not in the log:\n%s", last, r.log())
			}
		}
	}
}

// shown is the text that the appliance shows, by place.
func (r *testRack) shown() map[string][]byte {
	r.t.Helper()
	out := map[string][]byte{}
	for _, args := range []string{"log web1", "status", "status --json"} {
		cmd := r.rack.Command(r.t.Context(), r.program, strings.Fields(args)...)
		cmd.Env = append(os.Environ(), "RACKHAND_SOCKET="+filepath.Join(r.dir, "rackhand.sock"))
		text, err := cmd.CombinedOutput()
		if err != nil {
			r.t.Fatalf("rackhand %s: %v %s", args, err, text)
		}
		out["rackhand "+args] = text
	}
	all, err := r.client.Events(r.t.Context(), "")
	if err != nil {
		r.t.Fatal(err)
	}
	if out["events"], err = json.Marshal(all); err != nil {
		r.t.Fatal(err)
	}
	page := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(r.dir, "page.sock"))
		},
	}}
	last := fmt.Sprintf("id: %d", all[len(all)-1].Seq)
	for what, path := range map[string]string{"host page": "/host/web1", "log page": "/host/web1/log", "log": "/host/web1/log.txt", "install page": "/host/web1/install/web1-1", "status page": "/", "stream": "/events?after=0"} {
		res, err := page.Get("http://localhost" + path)
		if err != nil {
			r.t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK {
			r.t.Fatalf("%s: status %d", path, res.StatusCode)
		}
		var text bytes.Buffer
		for lines := bufio.NewScanner(res.Body); lines.Scan(); { // the stream has no end
			fmt.Fprintln(&text, lines.Text())
			if lines.Text() == last {
				lines.Scan()
				fmt.Fprintln(&text, lines.Text())
				break
			}
		}
		_ = res.Body.Close()
		out[what] = text.Bytes()
	}
	return out
}

// searched looks at what the dead appliance has said, and at each byte of its state folder.
func (r *testRack) searched(when string) {
	r.t.Helper()
	for n, log := range r.logs {
		if x := leaked(log.Bytes()); x != "" {
			r.t.Errorf("the log of run %d: %s", n+1, x)
		}
	}
	kept := 0
	err := filepath.WalkDir(filepath.Join(r.dir, "state"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		text, err := io.ReadAll(f)
		if x := leaked(text); x != "" {
			r.t.Errorf("%s, %s: %s", when, path, x)
		}
		kept += bytes.Count(text, []byte("after event")) + bytes.Count(text, []byte("after udp"))
		return err
	})
	if err != nil || kept < 2*len(plantedForms()) {
		r.t.Errorf("%s: %v, %d lines and events are there", when, err, kept)
	}
}
