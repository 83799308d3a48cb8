package installer

import (
	"strings"
	"testing"
)

func TestDracutConf(t *testing.T) {
	s := storageStep{Arrays: []array{{ID: "a:b"}}, Volumes: []volumeLine{{Group: "v", Name: "root"}}}
	if got := dracutConf(s); !strings.Contains(got, `kernel_cmdline+=" rd.md.uuid=a:b rd.lvm.lv=v/root "`) {
		t.Error(got)
	}
}
