// Command rackhand-installer is /init of the image installer's initramfs. As
// process 1 it supervises; it starts itself again to install.
package main

import (
	"context"
	"fmt"
	"os"

	"rackhand/provision/installer"
)

func main() {
	switch {
	case os.Getpid() == 1:
		installer.Supervise()
	case len(os.Args) == 2 && os.Args[1] == "install" && os.Getppid() == 1:
		os.Exit(installer.Install(context.Background()))
	default:
		fmt.Fprintln(os.Stderr, "rackhand-installer is /init of an initramfs: it wipes disks, and runs as process 1 only")
		os.Exit(2)
	}
}
