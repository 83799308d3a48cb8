package installer

import (
	"strings"
	"testing"

	"rackhand/provision/installer/plan"
)

func TestGRUBMenu(t *testing.T) {
	kernels := findKernels([]string{"vmlinuz-6.1.0-9-amd64", "initrd.img-6.1.0-9-amd64", "vmlinuz-6.1.0-10-amd64", "initrd.img-6.1.0-10-amd64", "vmlinuz-7", "grub"})
	if len(kernels) != 2 || kernels[0].version != "6.1.0-10-amd64" {
		t.Fatalf("got %+v", kernels)
	}
	got := grubMenu(plan.BootLoader{Append: "a=$b;c 'd' console=ttyS0", Timeout: 2}, plan.BootPlace{Root: "UUID=R", BootUUID: "B", Dir: "", Modules: []string{"lvm", "ext2"}}, kernels[:1])
	for _, want := range []string{
		"set timeout=2\n", "insmod part_gpt\ninsmod lvm\ninsmod ext2\n", "search --no-floppy --fs-uuid --set=root B\n", "serial --unit=0 --speed=9600\n",
		"\tlinux /vmlinuz-6.1.0-10-amd64 root=UUID=R ro a=\\$b\\;c \\'d\\' console=ttyS0\n\tinitrd /initrd.img-6.1.0-10-amd64\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
}
