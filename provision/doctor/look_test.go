package doctor

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/bootfiles"
	"rackhand/inventory"
)

// TestPrograms: a missing program is named with a hint, and counts for more when
// the inventory needs it.
func TestPrograms(t *testing.T) {
	there := bootfiles.File{Name: "ipxe.efi", Size: 1}
	lost := bootfiles.File{Name: "snponly.efi", Missing: "boot program is missing: snponly.efi: install the package ipxe"}
	lost2 := bootfiles.File{Name: "undionly.kpxe", Missing: "boot program is missing: undionly.kpxe: install the package ipxe"}
	arm := bootfiles.File{Name: "grubaa64.efi", Missing: "boot program is missing: grubaa64.efi: run `rackhand bootfiles fetch arm64`"}
	armed := &inventory.Snapshot{Systems: map[string]*inventory.System{"debian": {Arch: inventory.ArchARM64}}}
	for name, tc := range map[string]struct {
		list []bootfiles.File
		snap *inventory.Snapshot
		want []Finding
	}{
		"all there":     {[]bootfiles.File{there}, nil, []Finding{{OK, "all 1 boot programs are there", "", false}}},
		"a package":     {[]bootfiles.File{there, lost, lost2}, nil, []Finding{{Warning, "missing boot programs: snponly.efi, undionly.kpxe", "install the package ipxe", false}}},
		"arm64, unused": {[]bootfiles.File{arm}, nil, []Finding{{Note, "missing boot programs: grubaa64.efi; only arm64 boxes need them", "run `rackhand bootfiles fetch arm64`", false}}},
		"arm64, needed": {[]bootfiles.File{arm}, armed, []Finding{{Warning, "missing boot programs: grubaa64.efi", "run `rackhand bootfiles fetch arm64`", false}}},
	} {
		if d := cmp.Diff(tc.want, judgePrograms(tc.list, tc.snap)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	// And over the files of this machine, with any programs installed.
	found := Programs(bootfiles.New([]string{t.TempDir()}), nil)
	if len(found) == 0 || Worst(found) == Problem {
		t.Error(fmt.Sprint(found))
	}
}
