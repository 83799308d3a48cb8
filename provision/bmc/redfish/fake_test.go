package redfish

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision/bmc"
)

const testPassword = "Correct-Horse-7"

// A fake is a Redfish service on loopback: documents, sessions, and what a test changes.
type fake struct {
	docs func(path string) []byte // nil: 404
	// hook answers a request itself, and returns true for that.
	hook func(w http.ResponseWriter, r *http.Request, body string) bool

	mu       sync.Mutex
	open     map[string]bool // tokens
	logins   int
	requests []string // METHOD PATH [BODY]
	tags     []string // If-Match of each PATCH
}

// newFake serves documents until the test ends.
func newFake(t testing.TB, docs func(string) []byte) (*fake, bmc.Target) {
	f := &fake{docs: docs, open: map[string]bool{}}
	srv := httptest.NewUnstartedServer(f)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return f, targetOf(srv, srv.Certificate())
}

func targetOf(srv *httptest.Server, c *x509.Certificate) bmc.Target {
	t := bmc.Target{Address: netip.MustParseAddrPort(srv.Listener.Addr().String()), User: "admin", Password: testPassword}
	if c != nil {
		t.Fingerprint = Fingerprint(c)
	}
	return t
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	body := string(text)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL.Path, body)))
	if r.Method == http.MethodPatch {
		f.tags = append(f.tags, r.Header.Get("If-Match"))
	}
	if f.hook != nil && f.hook(w, r, body) {
		return
	}
	f.serve(w, r, body)
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request, body string) {
	token := r.Header.Get("X-Auth-Token")
	user, password, basic := r.BasicAuth()
	in := f.open[token] || basic && user == "admin" && password == testPassword
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/Sessions"):
		var c struct{ UserName, Password string }
		if json.Unmarshal([]byte(body), &c) != nil || c.UserName != "admin" || c.Password != testPassword {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		f.logins++
		token = fmt.Sprintf("token-%d", f.logins)
		f.open[token] = true
		w.Header().Set("X-Auth-Token", token)
		w.Header().Set("Location", path.Join(r.URL.Path, token))
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, "{}")
	case !in && strings.Trim(r.URL.Path, "/") != "redfish/v1":
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodDelete && f.open[path.Base(r.URL.Path)]:
		delete(f.open, path.Base(r.URL.Path))
	case r.Method == http.MethodPost, r.Method == http.MethodPatch:
		w.WriteHeader(http.StatusNoContent)
	default:
		doc := f.docs(r.URL.Path)
		if doc == nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(doc)
	}
}

// sent are the requests so far that change something, without logins and logouts.
func (f *fake) sent() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.requests), func(r string) bool {
		return strings.HasPrefix(r, "GET ") || strings.HasPrefix(r, "DELETE ") || strings.Contains(r, "/Sessions")
	})
}

func (f *fake) still() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.open))
}

// documents serves JSON texts by path.
type documents map[string]string

func (d documents) get(p string) []byte {
	text, ok := d[strings.TrimRight(p, "/")]
	if !ok {
		return nil
	}
	return []byte(text)
}

// with returns the documents with some replaced; "" removes one.
func (d documents) with(more documents) documents {
	out := maps.Clone(d)
	for p, text := range more {
		if out[p] = text; text == "" {
			delete(out, p)
		}
	}
	return out
}

const at = "/redfish/v1"

// plain is a small service in which everything is usual.
func plain() documents {
	return documents{
		at:                      `{"Vendor":"Contoso","Systems":{"@odata.id":"/redfish/v1/Systems"},"Managers":{"@odata.id":"/redfish/v1/Managers"},"Chassis":{"@odata.id":"/redfish/v1/Chassis"},"AccountService":{"@odata.id":"/redfish/v1/AccountService"},"SessionService":{"@odata.id":"/redfish/v1/SessionService"},"Links":{"Sessions":{"@odata.id":"/redfish/v1/SessionService/Sessions"}}}`,
		at + "/Systems":         `{"Members":[{"@odata.id":"/redfish/v1/Systems/1"}]}`,
		at + "/Systems/1":       system1(`"Pxe","Hdd"`, `"On","ForceOff","ForceRestart","GracefulShutdown","Nmi","PushPowerButton"`, `"IndicatorLED":"Off",`),
		at + "/Managers":        `{"Members":[{"@odata.id":"/redfish/v1/Managers/1"}]}`,
		at + "/Managers/1":      `{"FirmwareVersion":"1.2","DateTime":"2026-01-02T03:04:05+01:00","EthernetInterfaces":{"@odata.id":"/redfish/v1/Managers/1/Ethernet"},"LogServices":{"@odata.id":"/redfish/v1/Managers/1/Logs"}}`,
		at + "/Managers/1/Logs": `{"Members":[{"@odata.id":"/redfish/v1/Managers/1/Logs/Audit"},{"@odata.id":"/redfish/v1/Managers/1/Logs/SEL"}]}`,
		at + "/Managers/1/Logs/SEL": `{"Entries":{"@odata.id":"/redfish/v1/Managers/1/Logs/SEL/Entries"},"MaxNumberOfRecords":4,"OverWritePolicy":"NeverOverWrites",
			"Actions":{"#LogService.ClearLog":{"target":"/redfish/v1/Managers/1/Logs/SEL/Clear","ClearType@Redfish.AllowableValues":["ClearAll"]}}}`,
		at + "/Managers/1/Logs/SEL/Entries":  `{"Members@odata.count":4,"Members":[null,{"Id":"3","Created":"2026-01-01T00:00:03Z","Message":"third\u001b[2J","Severity":"Critical"},{"Id":"1","Created":"2026-01-01T00:00:01Z","Message":"PXE boot completed","SensorType":"OS Boot"}],"Members@odata.nextLink":"/redfish/v1/Managers/1/Logs/SEL/Entries2"}`,
		at + "/Managers/1/Logs/SEL/Entries2": `{"Members":[{"Id":"10","Created":"1970-01-01T00:00:03Z","Message":"no clock"},{"Id":"2","Created":"2026-01-01T00:00:02Z","Message":"","MessageId":"Base.1.0.Two","MessageArgs":["x"]}]}`,
		at + "/Managers/1/Ethernet":          `{"Members":[{"@odata.id":"/redfish/v1/Managers/1/Ethernet/usb"},{"@odata.id":"/redfish/v1/Managers/1/Ethernet/eth0"}]}`,
		at + "/Managers/1/Ethernet/usb":      `{"MACAddress":"02:00:00:00:00:01","IPv4Addresses":[{"Address":"169.254.1.1","SubnetMask":"255.255.0.0","Gateway":"0.0.0.0"}]}`,
		at + "/Managers/1/Ethernet/eth0":     `{"@odata.etag":"W/\"e0\"","MACAddress":"02-00-00-00-00-02","DHCPv4":{"DHCPEnabled":true},"IPv4StaticAddresses":[],"IPv4Addresses":[{"Address":"192.0.2.5","SubnetMask":"255.255.255.0","Gateway":"192.0.2.1","AddressOrigin":"DHCP"}]}`,
		at + "/Chassis":                      `{"Members":[{"@odata.id":"/redfish/v1/Chassis/1"}]}`,
		at + "/Chassis/1":                    `{"Name":"Chassis","SerialNumber":"C1","Thermal":{"@odata.id":"/redfish/v1/Chassis/1/Thermal"},"Power":{"@odata.id":"/redfish/v1/Chassis/1/Power"}}`,
		at + "/Chassis/1/Thermal":            `{"Temperatures":[{"Name":"Inlet","ReadingCelsius":21.5,"Status":{"State":"Enabled","Health":"Warning"}},{"Name":"Gone","ReadingCelsius":0,"Status":{"State":"Absent"}},{"Name":"Odd","ReadingCelsius":"N/A"}],"Fans":[{"FanName":"Fan 1","Reading":"4200","ReadingUnits":"RPM"}]}`,
		at + "/Chassis/1/Power":              `{"PowerControl":[{"PowerConsumedWatts":120,"PowerMetrics":[]}],"Voltages":{"odd":1},"PowerSupplies":[{"Name":"PSU 1","Status":{"State":"Enabled","Health":"Critical"}}]}`,
		at + "/AccountService":               `{"Accounts":{"@odata.id":"/redfish/v1/AccountService/Accounts"},"MinPasswordLength":8,"MaxPasswordLength":20}`,
		at + "/AccountService/Accounts":      `{"Members":[{"@odata.id":"/redfish/v1/AccountService/Accounts/1"},{"@odata.id":"/redfish/v1/AccountService/Accounts/2"},{"@odata.id":"/redfish/v1/AccountService/Accounts/3"}]}`,
		at + "/AccountService/Accounts/1":    `{"Id":"1","UserName":"","Enabled":false}`,
		at + "/AccountService/Accounts/2":    `{"Id":"2","@odata.etag":"\"a2\"","UserName":"admin","RoleId":"Administrator","Enabled":true,"PasswordChangeRequired":true}`,
		at + "/AccountService/Accounts/3":    `{"Id":"3","UserName":"","Enabled":false}`,
	}
}

// system1 is a system with these boot targets, reset types and fields.
func system1(targets, resets, more string) string {
	return `{"Id":"1","@odata.etag":"W/\"s1\"","Manufacturer":"Contoso","Model":"C-1","SerialNumber":"  S1 ","SKU":"To be filled by O.E.M.","UUID":"EF35B6BA-3958-4DF2-8648-BB1B92B9855B","BiosVersion":"B1","PowerState":"On",` + more + `
		"Links":{"Chassis":[{"@odata.id":"/redfish/v1/Chassis/1"}],"ManagedBy":[{"@odata.id":"/redfish/v1/Managers/1"}]},
		"Boot":{"BootSourceOverrideEnabled":"Disabled","BootSourceOverrideTarget":"None","BootSourceOverrideMode":"UEFI","BootSourceOverrideTarget@Redfish.AllowableValues":["None",` + targets + `]},
		"Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/1/Reset","ResetType@Redfish.AllowableValues":[` + resets + `]}}}`
}

// login opens a session, which ends with the test.
func login(t testing.TB, target bmc.Target) bmc.Session {
	t.Helper()
	s, err := testDriver().Open(t.Context(), target, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

func testDriver() Driver {
	return Driver{Log: slog.New(slog.DiscardHandler), Exchange: 5 * time.Second}
}
