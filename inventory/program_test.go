package inventory_test

import (
	"fmt"
	"strings"
	"testing"

	"rackhand/bootfiles"
	"rackhand/inventory"
)

// A name that the inventory takes is one that bootfiles looks for. (bootfiles can't
// be asked by the inventory itself: a boot decision reads inventories, and must not
// reach files.)
func TestBootProgramsAreBootFiles(t *testing.T) {
	taken := 0
	for _, name := range []string{
		"undionly.kpxe", "ipxe.efi", "snponly.efi", "shimx64.efi", "grubaa64.efi", "my_own-1.2+x.efi", strings.Repeat("x", 127),
		strings.Repeat("x", 128), ".hidden", "..", "a/b", `a\b`, "a b", "-a", "é.efi", "a\x7f", "a\tb", "a?b",
	} {
		_, problems := inventory.Parse("a.yaml", fmt.Appendf(nil, "defaults: {boot: {program: %q}}", name), inventory.Options{})
		if len(problems) > 0 {
			continue
		}
		taken++
		if err := bootfiles.CheckName(name); err != nil {
			t.Errorf("%q is taken: %v", name, err)
		}
	}
	if taken != 7 {
		t.Errorf("%d names were taken, not 7", taken)
	}
}
