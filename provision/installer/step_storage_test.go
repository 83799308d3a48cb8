package installer

import (
	"strings"
	"testing"

	"rackhand/provision/installer/plan"
)

func TestDracutConf(t *testing.T) {
	s := plan.StorageStep{Arrays: []plan.Array{{ID: "a:b"}}, Volumes: []plan.Volume{{Group: "v", Name: "root"}}}
	if got := dracutConf(s); !strings.Contains(got, `kernel_cmdline+=" rd.md.uuid=a:b rd.lvm.lv=v/root "`) {
		t.Error(got)
	}
}
