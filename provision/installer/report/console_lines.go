package report

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/kernel"
)

// serialForm are the serial lines and paravirtual consoles by their name: PCs' and
// PCI cards' UARTs, Arm's, USB adapters, virtio and hypervisors.
var serialForm = regexp.MustCompile(`^(ttyS|ttyAMA|ttyUSB|hvc|xvc)\d+$`)

// consoleDevices are the devices below /dev that a person may look at, without the
// last one of the kernel's active consoles, which /dev/console is. sys is /sys.
func consoleDevices(sys string) []string {
	active := strings.Fields(kernel.ReadText(sys + "/class/tty/console/active"))
	var out []string
	if len(active) > 0 {
		out = append(out, active[:len(active)-1]...)
	}
	add := func(name string) {
		if !slices.Contains(active, name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	// console=ttyS0 alone leaves the screen out
	if !slices.ContainsFunc(active, func(n string) bool { return strings.TrimRight(n, "0123456789") == "tty" }) {
		if _, err := os.Stat(sys + "/class/tty/tty0"); err == nil {
			add("tty0")
		}
	}
	dirs, _ := filepath.Glob(sys + "/class/tty/*")
	slices.SortFunc(dirs, kernel.CompareNames)
	for _, dir := range dirs {
		if n := filepath.Base(dir); serialForm.MatchString(n) && kernel.ReadText(dir+"/type") != "0" { // 0: no UART there
			add(n)
		}
	}
	return out
}

// serialSpeed is the speed of a serial line in baud. It comes from the last console=
// argument of the kernel for that line ("ttyS1,57600n8"). The default is 115200, which
// most BMCs use for serial-over-LAN.
func serialSpeed(cmdline, name string) uint32 {
	speed := uint32(115200)
	for _, word := range kernel.CmdlineWords(cmdline) {
		value, ok := strings.CutPrefix(word, "console=")
		if !ok {
			continue
		}
		line, options, _ := strings.Cut(value, ",")
		digits := options[:len(options)-len(strings.TrimLeft(options, "0123456789"))]
		if n, err := strconv.ParseUint(digits, 10, 32); err == nil && line == name && speeds()[uint32(n)] != 0 {
			speed = uint32(n)
		}
	}
	return speed
}

// speeds are the termios flags of the speeds that serial consoles have.
func speeds() map[uint32]uint32 {
	return map[uint32]uint32{
		1200: unix.B1200, 2400: unix.B2400, 4800: unix.B4800, 9600: unix.B9600, 19200: unix.B19200, 38400: unix.B38400,
		57600: unix.B57600, 115200: unix.B115200, 230400: unix.B230400, 460800: unix.B460800, 921600: unix.B921600,
		1500000: unix.B1500000,
	}
}

// setSpeed sets the speed of a line that the kernel doesn't use as a console. Such a line
// starts at 9600 baud. It also sets 8 bits, no parity, no flow control, and raw bytes.
func setSpeed(fd int, baud uint32) {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return // it has no speed: a paravirtual one
	}
	flag := speeds()[baud]
	t.Cflag = t.Cflag&^(unix.CBAUD|unix.CSIZE|unix.PARENB|unix.CSTOPB|unix.CRTSCTS) | flag | unix.CS8 | unix.CLOCAL | unix.CREAD
	t.Iflag &^= unix.IXON | unix.IXOFF | unix.ICRNL
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
	t.Ispeed, t.Ospeed = flag, flag
	_ = unix.IoctlSetTermios(fd, unix.TCSETS, t)
}
