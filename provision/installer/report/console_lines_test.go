package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestConsoleDevices(t *testing.T) {
	for _, c := range []struct {
		name, active string
		lines        map[string]string // name: type
		want         []string
	}{
		{"the usual", "tty0 ttyS0", map[string]string{"tty0": "", "ttyS0": "4", "ttyS1": "4", "ttyS2": "0", "ttyS3": "0"}, []string{"tty0", "ttyS1"}},
		{"the screen is none", "ttyS1", map[string]string{"tty0": "", "tty1": "", "ttyS0": "4", "ttyS1": "4"}, []string{"tty0", "ttyS0"}},
		{"another screen", "tty2 ttyS0", map[string]string{"tty0": "", "tty2": "", "ttyS0": "4"}, []string{"tty2"}},
		{"the screen alone", "tty0", map[string]string{"tty0": "", "ttyS0": "4", "ttyS10": "4", "ttyS2": "4"}, []string{"ttyS0", "ttyS2", "ttyS10"}},
		{"no screen", "ttyAMA0", map[string]string{"ttyAMA0": "32", "ttyAMA1": "32", "hvc0": "", "ptmx": "", "ttyUSB0": ""}, []string{"hvc0", "ttyAMA1", "ttyUSB0"}},
		{"none", "", nil, nil},
	} {
		sys := t.TempDir()
		write := func(name, text string) {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(sys, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(sys, name), []byte(text+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		write("class/tty/console/active", c.active)
		for name, kind := range c.lines {
			write("class/tty/"+name+"/uevent", "")
			if kind != "" {
				write("class/tty/"+name+"/type", kind)
			}
		}
		if d := cmp.Diff(c.want, consoleDevices(sys)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestSerialSpeed(t *testing.T) {
	const cmdline = `console=tty0 console=ttyS0,9600n8 console=ttyS1,57600 console=ttyS2 console=ttyS3,12345n8 console=ttyS4,19200n8r console=ttyS4,38400 consoleX=ttyS5,9600 "console=ttyS6,4800 "`
	for name, want := range map[string]uint32{
		"ttyS0": 9600, "ttyS1": 57600, "ttyS2": 115200, "ttyS3": 115200, "ttyS4": 38400, "ttyS5": 115200, "ttyS7": 115200,
	} {
		if got := serialSpeed(cmdline, name); got != want {
			t.Errorf("%s: %d baud, want %d", name, got, want)
		}
	}
}

// On a pseudo terminal, which has termios as a UART has.
func TestSetSpeed(t *testing.T) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	setSpeed(fd, 57600)
	got, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if got.Cflag&unix.CBAUD != unix.B57600 || got.Cflag&unix.CSIZE != unix.CS8 || got.Oflag&unix.OPOST != 0 || got.Cflag&unix.CRTSCTS != 0 {
		t.Errorf("%+v", got)
	}
}
