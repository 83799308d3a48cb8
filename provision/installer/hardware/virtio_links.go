package hardware

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// VirtioLinks are the interfaces of the driver virtio_net. sys is /sys.
func VirtioLinks(sys string) []string {
	drivers, err := filepath.Glob(filepath.Join(sys, "class/net/*/device/driver"))
	if err != nil {
		return nil
	}
	var out []string
	for _, link := range drivers {
		if driver, err := filepath.EvalSymlinks(link); err == nil && filepath.Base(driver) == "virtio_net" {
			out = append(out, filepath.Base(filepath.Dir(filepath.Dir(link))))
		}
	}
	return out
}

// LinkDown clears IFF_UP of an interface (netdevice(7), SIOCSIFFLAGS).
func LinkDown(name string) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(s, unix.SIOCGIFFLAGS, r); err != nil {
		return err
	}
	r.SetUint16(r.Uint16() &^ unix.IFF_UP)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r)
}
