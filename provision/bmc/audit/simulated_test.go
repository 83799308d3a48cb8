package audit_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	ipmibmc "github.com/bougou/go-ipmi/pkg/bmc"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/bmc/bmctest/redfishsim"
	"rackhand/provision/bmc/ipmi"
	"rackhand/provision/bmc/redfish"
	"rackhand/provision/power"
)

// treeClock is what the clock of the simulated Redfish service says.
var treeClock = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// A document is one of a Redfish service.
type document map[string]any

// tree is the simulator's tree with changes of documents by their paths.
func tree(t *testing.T, changes map[string]document) fs.FS {
	t.Helper()
	own := os.DirFS("../bmctest/redfishsim/tree")
	out := fstest.MapFS{}
	err := fs.WalkDir(own, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(own, p)
		if err != nil {
			return err
		}
		if change := changes[strings.TrimSuffix(strings.TrimPrefix(p, "redfish/v1/"), "/index.json")]; change != nil {
			doc := document{}
			if err := json.Unmarshal(b, &doc); err != nil {
				return err
			}
			for k, v := range change {
				doc[k] = v
			}
			if b, err = json.Marshal(doc); err != nil {
				return err
			}
		}
		out[p] = &fstest.MapFile{Data: b}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// redfish makes a host's BMC a Redfish service, whose certificate the inventory pins.
func (s *site) redfish(t *testing.T, host string, changes map[string]document, faults ...redfishsim.Fault) *redfishsim.Service {
	t.Helper()
	service, target := bmctest.ServeRedfish(t, redfishsim.Options{Tree: tree(t, changes), Faults: faults})
	here := s.targets[host]
	here.Protocol, here.Privilege, here.Fingerprint = bmc.Redfish, bmc.Administrator, target.Fingerprint
	here.User, here.Password = target.User, target.Password
	s.targets[host] = at(here, 443)
	s.answers["tcp "+s.targets[host].Address.String()] = target.Address.String()
	return service
}

// sets gives a BMC over IPMI a clock.
func sets(b *bmctest.BMC, clock time.Time) {
	b.Answer(types.CommandGetSELTime, func([]byte) ([]byte, types.CompletionCode) {
		return binary.LittleEndian.AppendUint32(nil, uint32(clock.Unix())), types.CodeOK
	})
}

// page serves a BMC's page with an old certificate, for a host whose BMC speaks IPMI.
func (s *site) page(t *testing.T, host string, notAfter time.Time) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: notAfter.AddDate(-10, 0, 0), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	s.answers["tcp "+at(s.targets[host], 443).Address.String()] = srv.Listener.Addr().String()
}

// TestSimulated audits a rack of twelve simulated BMCs, each with another fault, over the
// drivers as they are: go-ipmi's server and the simulated Redfish service. No session is left
// open, and nothing is changed.
func TestSimulated(t *testing.T) {
	s := newSite(t, 12)
	controller := power.New(power.Options{Drivers: map[bmc.Protocol]bmc.Driver{
		bmc.IPMI: ipmi.Driver{Dial: s.dial}, bmc.Redfish: redfish.Driver{Dial: s.dial},
	}})
	s.With, s.Clock = controller.With, func() time.Time { return treeClock }
	boxes := map[string]*bmctest.BMC{}
	for host, suites := range map[string][]types.CipherSuiteID{"weba": {0, 3, 17}, "webb": {17}, "webc": {1, 2, 3}, "webd": nil, "webe": nil, "webf": nil} {
		boxes[host] = s.speaks(t, host, host == "webb", suites...)
		sets(boxes[host], treeClock)
	}
	boxes["webd"].AddUser(t, 3, "rackhand", ipmibmc.PrivilegeLevelUser)
	wrong := s.targets["webe"]
	wrong.Password = "s3cret-but-wrong"
	s.targets["webe"] = wrong
	s.page(t, "webf", treeClock.AddDate(0, 0, 12))
	services := map[string]*redfishsim.Service{
		"webg": s.redfish(t, "webg", nil, redfishsim.MustChange),
		"webh": s.redfish(t, "webh", nil),
		"webi": s.redfish(t, "webi", map[string]document{"Managers/1": {"DateTime": "1970-01-01T00:09:00Z"}}),
		"webj": s.redfish(t, "webj", map[string]document{"Managers/1/LogServices/SEL": {"MaxNumberOfRecords": 2, "OverWritePolicy": "NeverOverWrites"}}),
		"webk": s.redfish(t, "webk", map[string]document{"Systems/1": {"Boot": document{
			"BootSourceOverrideEnabled": "Continuous", "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideMode": "UEFI",
		}}}),
		"webl": s.redfish(t, "webl", map[string]document{"Managers/1": {"FirmwareVersion": "4.5.5"}}),
	}
	unpinned := s.targets["webh"]
	unpinned.Fingerprint = ""
	s.targets["webh"] = unpinned
	got, err := s.Audit(t.Context(), provision.AuditRequest{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	// The key is another one in each run.
	text = []byte(strings.ReplaceAll(string(text), services["webh"].Fingerprint(), "FINGERPRINT-OF-WEBH"))
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	golden(t, "simulated", got)
	for _, secret := range []string{"s3cret", bmctest.RedfishPassword} {
		if strings.Contains(string(text)+s.said(), secret) {
			t.Errorf("a password is in the findings or events:\n%s\n%s", text, s.said())
		}
	}
	for host, b := range boxes {
		if n, did := b.LoggedIn(t), b.Board.Actions(); n > 0 || did != "[]" {
			t.Errorf("%s: %d sessions are open, and the board was told %s", host, n, did)
		}
	}
	for host, r := range services {
		if n := r.OpenSessions(); n > 0 {
			t.Errorf("%s: %d sessions are open", host, n)
		}
		for _, q := range r.Requests() {
			if q.Method != "GET" && !strings.Contains(q.Path, "/Sessions") {
				t.Errorf("%s was told: %s %s", host, q.Method, q.Path)
			}
		}
	}
}
