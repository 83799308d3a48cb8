package fetch

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"rackhand/bootfiles"
)

// errNoTool: grub-mkimage isn't installed. The other programs are of use without it.
var errNoTool = errors.New("grub-mkimage is not installed: apt install grub-common, and fetch again")

// modulesPackage has GRUB's modules for arm64, of which an image is made.
const modulesPackage = "grub-efi-arm64-bin"

// grubModules are the modules for our menus and the network. Their dependencies are added
// automatically.
func grubModules() []string {
	return []string{"efinet", "http", "tftp", "normal", "configfile", "linux", "boot", "echo", "sleep", "test", "minicmd", "reboot", "all_video"}
}

// grubHTTP makes the GRUB for UEFI HTTP Boot in a folder. Debian's GRUB takes the
// device of its prefix, (http,10.77.0.1), from where the firmware says that it came
// from; so no address needs to be built in, and it works beside another DHCP server.
func (a *apt) grubHTTP(ctx context.Context, folder string) (bootfiles.FetchedFile, error) {
	args := append([]string{
		"--format=arm64-efi", "--directory=" + a.in("root/usr/lib/grub/arm64-efi"),
		"--prefix=/grub", "--output=" + bootfiles.GRUBHTTPARM64,
	}, grubModules()...)
	if _, err := a.run(ctx, folder, "grub-mkimage", args...); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return bootfiles.FetchedFile{}, errNoTool
		}
		return bootfiles.FetchedFile{}, fmt.Errorf("make a GRUB with HTTP: %w", err)
	}
	_, f, err := measure(folder, bootfiles.Wanted{Name: bootfiles.GRUBHTTPARM64, Package: modulesPackage, Path: bootfiles.GRUBHTTPARM64})
	return f, err
}
