package redfishsim_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/bmc/bmctest/redfishsim"
)

// TestProtocol: what any client of DSP0266 relies on.
func TestProtocol(t *testing.T) {
	sim, target := bmctest.ServeRedfish(t, redfishsim.Options{Faults: []redfishsim.Fault{redfishsim.ETagWanted}})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // a simulator's own certificate
	defer client.CloseIdleConnections()
	token, tag := "", ""
	ask := func(method, path, body string) (*http.Response, map[string]any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "https://"+target.Address.String()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Auth-Token", token)
		r.Header.Set("If-Match", tag)
		a, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Body.Close() }()
		text, _ := io.ReadAll(a.Body)
		var doc map[string]any
		_ = json.NewDecoder(bytes.NewReader(text)).Decode(&doc)
		return a, doc
	}
	login := `{"UserName":"` + target.User + `","Password":"` + target.Password + `"}`
	boot := `{"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Pxe"}}`
	const systems, sessions, reset = "/redfish/v1/Systems/1", "/redfish/v1/SessionService/Sessions", "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset"
	var session string
	for _, step := range []struct {
		method, path, body string
		status             int
		message            string
	}{
		{"GET", "/redfish/v1/", "", 200, ""},
		{"GET", systems, "", 401, "NoValidSession"},
		{"POST", sessions, `{"UserName":"x","Password":"y"}`, 401, "Unauthorized"},
		{"POST", sessions, login, 201, ""},
		{"GET", systems + "/", "", 200, ""},
		{"GET", systems + "?$expand=*", "", 501, "QueryNotSupported"},
		{"PATCH", systems, boot, 428, "PreconditionRequired"},
		{"PATCH", systems, boot, 204, ""}, // with the tag of the GET
		{"PATCH", systems, boot, 412, "PreconditionFailed"},
		{"PATCH", systems, `{"Boot":{"BootSourceOverrideTarget":"Moon"}}`, 400, "PropertyValueNotInList"},
		{"PATCH", systems, `{"Model":"x"}`, 400, "PropertyNotWritable"},
		{"PATCH", systems, `{`, 400, "MalformedJSON"},
		{"POST", reset, `{"ResetType":"Now"}`, 400, "ActionParameterNotSupported"},
		{"POST", reset, `{"ResetType":"PowerCycle"}`, 409, "PSU501"},
		{"POST", reset, `{"ResetType":"On"}`, 204, ""},
		{"GET", systems + "/Nothing", "", 404, "ResourceMissing"},
		{"PUT", systems, "", 405, "OperationNotAllowed"},
	} {
		if tag = ""; step.method == "PATCH" && step.message != "PreconditionRequired" {
			tag = `"old"`
			if step.message != "PreconditionFailed" {
				a, _ := ask("GET", systems, "")
				tag = a.Header.Get("ETag")
			}
		}
		a, doc := ask(step.method, step.path, step.body)
		said, _ := json.Marshal(doc)
		if a.StatusCode != step.status || !strings.Contains(string(said), step.message) {
			t.Errorf("%s %s %s: %d %s, want %d %s", step.method, step.path, step.body, a.StatusCode, said, step.status, step.message)
		}
		if a.StatusCode == 201 {
			token, session = a.Header.Get("X-Auth-Token"), a.Header.Get("Location")
		}
	}
	if b := sim.Boots(); len(b) != 1 || b[0] != "Pxe" {
		t.Errorf("boots: %q, want one from the network", b)
	}
	if n := sim.OpenSessions(); n != 1 {
		t.Errorf("%d sessions", n)
	}
	if a, _ := ask("DELETE", session, ""); a.StatusCode != 204 || sim.OpenSessions() != 0 {
		t.Errorf("logout: %d, %d sessions open", a.StatusCode, sim.OpenSessions())
	}
}
