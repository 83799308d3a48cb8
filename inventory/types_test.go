package inventory

import "testing"

// Unset keys have defaults.
func TestDefaults(t *testing.T) {
	for dhcp, want := range map[string]DHCPMode{"": DHCPAuthoritative, "dhcp: off": DHCPOff, "dhcp: proxy": DHCPProxy, "dhcp: authoritative": DHCPAuthoritative} {
		if got := parse(t, "networks: {n: {subnet: 10.1.0.0/24, "+dhcp+"}}").Networks["n"].Mode(); got != want {
			t.Errorf("%q is %q", dhcp, got)
		}
	}
	for arch, want := range map[string]string{"": ArchAMD64, "arch: arm64": ArchARM64, "arch: amd64": ArchAMD64} {
		if got := parse(t, "systems: {s: {installer: image, image: i, "+arch+"}}").Systems["s"].Processor(); got != want {
			t.Errorf("%q is %q", arch, got)
		}
	}
}
