//go:build e2e

package converge

import "rackhand/provision/catalog"

func groupCases() []conformance {
	gid := 1234
	return []conformance{
		{
			name:    "group",
			declare: catalog.Resource{Group: &catalog.Group{Name: "deploy", Ensure: catalog.Present, GID: &gid}},
			made:    "changed made", is: "getent group deploy | grep -q :1234:",
			drift: "groupmod --gid 1300 deploy", mended: "changed gid 1300 → 1234",
			absent: &catalog.Resource{Group: &catalog.Group{Name: "deploy", Ensure: catalog.Absent}},
			gone:   "! getent group deploy",
		},
	}
}
