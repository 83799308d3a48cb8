package redfish

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/bmc"
)

var update = flag.Bool("update", false, "write the golden files anew")

// capturedTrees is the folder of real BMCs' answers, which is not part of the repository; ""
// where it isn't there.
func capturedTrees() string {
	dirs := []string{os.Getenv("RACKHAND_REDFISH"), "../../../../shared/redfish"}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "README.md")); dir != "" && err == nil {
			return dir
		}
	}
	return ""
}

// inFolder serves a tree of index.json. A root or a list of systems that was never captured
// is made up of the folders.
func inFolder(dir string) func(string) []byte {
	return func(p string) []byte {
		folder := filepath.Join(dir, filepath.FromSlash(filepath.Clean("/"+p)))
		text, err := os.ReadFile(filepath.Join(folder, "index.json"))
		if err == nil {
			return text
		}
		switch strings.Trim(p, "/") {
		case "redfish/v1":
			return []byte(`{"Links":{"Sessions":{"@odata.id":"/redfish/v1/SessionService/Sessions"}}}`)
		case "redfish/v1/Systems":
			found, _ := filepath.Glob(filepath.Join(folder, "*", "index.json"))
			var list []string
			for _, f := range found {
				list = append(list, fmt.Sprintf(`{"@odata.id":"/redfish/v1/Systems/%s"}`, filepath.Base(filepath.Dir(f))))
			}
			return fmt.Appendf(nil, `{"Members":[%s]}`, strings.Join(list, ","))
		}
		return nil
	}
}

// TestTrees reads all that can be read, of each captured tree and of a made-up one.
func TestTrees(t *testing.T) {
	type row struct {
		name, system string
		docs         func(string) []byte
	}
	rows := []row{{"made up", "", plain().get}}
	if dir := capturedTrees(); dir == "" {
		t.Log("the captured trees are not there (RACKHAND_REDFISH names their folder): only the made-up one is read")
	} else {
		for _, tree := range []string{
			"dell-idrac-sushy", "dell-idrac9-bmclib", "dmtf-rackmount1", "hpe-dl360-gen12-ilo7", "hpe-dl360gen10plus-ilo5",
			"hpecray-ex425-multinode", "hpecray-ex425-multinode:Node1", "intel-s2600bpb", "lenovo-xcc-bmclib", "openbmc-stock",
			"supermicro-gb300-twosystems", "supermicro-gb300-twosystems:System_0", "supermicro-gb300-twosystems:HGX_Baseboard_0",
			"supermicro-x10-fw1.19", "supermicro-x12-bmclib",
		} {
			folder, system, _ := strings.Cut(tree, ":")
			rows = append(rows, row{tree, system, inFolder(filepath.Join(dir, folder))})
		}
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f, target := newFake(t, row.docs)
			target.System = row.system
			got := summary(t, f, target)
			golden := filepath.Join("testdata", strings.NewReplacer(" ", "-", ":", "-").Replace(row.name)+".golden")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s, want:\n%s\ngot:\n%s", golden, want, got)
			}
			if open := f.still(); len(open) > 0 {
				t.Errorf("sessions left open: %v", open)
			}
		})
	}
}

// summary is what a service shows, a line a method.
func summary(t *testing.T, f *fake, target bmc.Target) []byte {
	var m bmc.Memory
	opened, err := testDriver().Open(t.Context(), target, &m)
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*session)
	var out bytes.Buffer
	line := func(name string, v any, err error) {
		if err != nil {
			v = err
			if e := (*bmc.Error)(nil); errors.As(err, &e) {
				v = fmt.Sprintf("%v (%v): %s", e.Kind, e.Err, e.Hint)
			}
		}
		fmt.Fprintf(&out, "%-9s %+v\n", name, v)
	}
	ctx := t.Context()
	info, err := s.Info(ctx)
	line("info", info, err)
	st, err := s.Status(ctx)
	line("status", st, err)
	boot, err := s.Boot(ctx)
	line("boot", fmt.Sprintf("%s %+v", boot, boot), err)
	if sys, err := s.system(ctx); err == nil {
		line("resets", s.resetTypes(ctx, sys), nil)
		plans, err := plan(bmc.Boot{Device: bmc.PXE, Valid: true, EFI: true}, sys.Boot, nil, bmc.Quirks{})
		line("pxe once", plans, err)
	}
	before := len(f.requests)
	sensors, err := s.Sensors(ctx)
	kinds := map[string]int{}
	for _, x := range sensors {
		kinds[x.Kind+" "+x.Unit]++
	}
	line("sensors", fmt.Sprintf("%d in %d requests %v", len(sensors), len(f.requests)-before, kinds), err)
	for i, x := range sensors {
		if i < 3 {
			line("", x, nil)
		}
	}
	entries, err := s.Log(ctx, 5)
	line("log", len(entries), err)
	for _, e := range entries {
		line("", e, nil)
	}
	full, err := s.LogState(ctx)
	line("log state", full, err)
	network, err := s.Network(ctx)
	line("network", network, err)
	users, err := s.Users(ctx)
	line("users", users, err)
	now, err := s.Clock(ctx)
	line("clock", now, err)
	line("memory", m, nil)
	s.Close(ctx)
	return out.Bytes()
}
