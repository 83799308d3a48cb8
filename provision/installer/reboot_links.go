package installer

import (
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// linksDown takes the cards of a virtual machine down before the kernel shuts its
// devices down. Linux between "virtio: break and reset virtio devices on
// device_shutdown()" and "virtio_ring: fix infinite loop in virtnet_poll_cleantx when
// device is broken" (August 2026) may else spin for ever where packets are still on
// their way, about once in 200 reboots; a box with one processor then never ends. Other
// cards stay as they are: their BMC may share them.
func linksDown(sys string) {
	for _, name := range virtioLinks(sys) {
		within(5*time.Second, func() { _ = linkDown(name) })
	}
}

// virtioLinks are the interfaces that the driver virtio_net has; sys is /sys.
func virtioLinks(sys string) []string {
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

// linkDown clears IFF_UP of an interface (netdevice(7), SIOCSIFFLAGS).
func linkDown(name string) error {
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
