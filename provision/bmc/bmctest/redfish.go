package bmctest

import (
	"cmp"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest/redfishsim"
)

// RedfishPassword fits the shortest limit of the captured trees, 12 characters.
const RedfishPassword = "s3cret-tests"

// ServeRedfish runs a simulated Redfish service until the test ends. It has the account of
// User and RedfishPassword where the options have none.
func ServeRedfish(t testing.TB, o redfishsim.Options) (*redfishsim.Service, bmc.Target) {
	t.Helper()
	o.User, o.Password = cmp.Or(o.User, User), cmp.Or(o.Password, RedfishPassword)
	s, err := redfishsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(l)
	t.Cleanup(s.Close)
	return s, bmc.Target{
		Address: netip.MustParseAddrPort(l.Addr().String()), Protocol: bmc.Redfish,
		User: o.User, Password: o.Password, Fingerprint: s.Fingerprint(),
	}
}

// A Tree is a BMC's documents.
type Tree struct {
	Name string
	FS   fs.FS // nil: the simulator's own
}

// Trees are the simulator's own tree and the captured ones, which stand beside the
// repository: in $RACKHAND_REDFISH, or in ../shared/redfish. Without them it says so.
func Trees(t testing.TB) []Tree {
	t.Helper()
	out := []Tree{{Name: "made-up"}}
	folder := os.Getenv("RACKHAND_REDFISH")
	for up := "../shared/redfish"; folder == "" && len(up) < 60; up = "../" + up {
		if _, err := os.Stat(up); err == nil {
			folder = up
		}
	}
	found, err := filepath.Glob(filepath.Join(folder, "*/redfish/v1/Systems"))
	if folder == "" || err != nil || len(found) == 0 {
		t.Log("no captured trees: set RACKHAND_REDFISH to their folder to try them too")
		return out
	}
	slices.Sort(found)
	for _, p := range found {
		at := filepath.Dir(filepath.Dir(filepath.Dir(p)))
		out = append(out, Tree{filepath.Base(at), os.DirFS(at)})
	}
	return out
}
