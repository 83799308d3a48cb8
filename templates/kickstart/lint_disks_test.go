package kickstart

import (
	"fmt"
	"strings"
	"testing"
)

func TestDisks(t *testing.T) {
	f, err := Parse("ks", []byte(`ignoredisk --only-use=/dev/sda,vd*
clearpart --all --drives=sda,disk/by-id/x
bootloader --boot-drive nvme0n1
part / --size=1 --ondrive=sdb
part /x --size=1 --ondisk=LABEL=x --nosuch
partition /y --ondisk=mmcblk0 --ondisk=dasda
ignoredisk --drives=sdz
network --device=sdq
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Release{"", RHEL7, F44} {
		var got []string
		for _, w := range Disks(f, r) {
			got = append(got, fmt.Sprintf("%s@%s", w.Text, w.Pos))
		}
		want := "sda@1:23 sda@2:26 nvme0n1@3:25 sdb@4:27 dasda@6:40"
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: %s, want %s", r, s, want)
		}
	}
}
