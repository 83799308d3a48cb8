package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/kernel"
)

// A Console writes lines to every screen and serial line that a person may look
// at. A line without a reader must not stop an install: each has its own queue,
// and what a full one can't take is lost there.
type Console struct {
	mu    sync.Mutex
	clean func(string) string
	start time.Time
	now   func() time.Time
	lines []*consoleLine
	sink  func(line string) // gets each line too; it must not wait
}

type consoleLine struct {
	fd    int
	queue chan []byte
	done  chan struct{}
}

// NewConsole has no devices yet. It counts time from now on; clean takes secrets out of
// each line.
func NewConsole(now func() time.Time, clean func(string) string) *Console {
	return &Console{now: now, start: now(), clean: clean}
}

// SetClean changes how secrets are taken out, once they are known.
func (c *Console) SetClean(clean func(string) string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clean = clean
}

// SetSink hands every further line to a function as well; nil ends that.
func (c *Console) SetSink(sink func(string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sink = sink
}

// Printf writes one or more lines, without secrets, with the time since start.
func (c *Console) Printf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamp := c.now().Sub(c.start).Seconds()
	for line := range strings.SplitSeq(strings.TrimRight(fmt.Sprintf(format, args...), "\n"), "\n") {
		line = c.clean(line)
		if c.sink != nil {
			c.sink(line)
		}
		text := fmt.Appendf(nil, "[%6.1f] %s\r\n", stamp, line)
		for _, l := range c.lines {
			select {
			case l.queue <- text:
			default:
			}
		}
	}
}

// open adds a device, and returns its descriptor; -1 when it can't be opened.
func (c *Console) open(path string) int {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1 // it isn't there
	}
	l := &consoleLine{fd: fd, queue: make(chan []byte, 1024), done: make(chan struct{})}
	go l.run()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, l)
	return fd
}

func (l *consoleLine) run() {
	defer close(l.done)
	for text := range l.queue {
		// a serial line at 9600 baud takes a tenth of a second for a line; give up
		// on one that takes none for ten
		for tries := 0; len(text) > 0 && tries < 500; {
			n, err := unix.Write(l.fd, text)
			switch {
			case n > 0:
				text, tries = text[n:], 0
			case err == unix.EAGAIN || err == unix.EINTR || err == nil:
				tries++
				time.Sleep(20 * time.Millisecond)
			default:
				tries = 500
			}
		}
	}
}

// Flush ends the console and waits up to d for what is queued to be written.
func (c *Console) Flush(d time.Duration) {
	c.mu.Lock()
	lines := c.lines
	c.lines = nil
	c.mu.Unlock()
	limit := time.After(d)
	for _, l := range lines {
		close(l.queue)
		select {
		case <-l.done:
			drained := make(chan struct{})
			go func() {
				defer close(drained)
				_ = unix.IoctlSetInt(l.fd, unix.TCSBRK, 1) // tcdrain: else the reset cuts the last lines off
			}()
			// A line whose interrupt was lost, or whose other end holds it by flow
			// control, never drains. The box must reboot in any case.
			select {
			case <-drained:
			case <-limit:
				return
			}
		case <-limit:
			return
		}
	}
}

// OpenAll opens /dev/console, the screen, and every serial line that has hardware
// behind it.
func (c *Console) OpenAll() {
	c.open("/dev/console") // the last of the kernel's active consoles
	active := strings.Fields(kernel.ReadText("/sys/class/tty/console/active"))
	cmdline := kernel.ReadText("/proc/cmdline")
	for _, n := range consoleDevices("/sys") {
		if fd := c.open("/dev/" + n); fd >= 0 && !slices.Contains(active, n) && serialForm.MatchString(n) {
			setSpeed(fd, serialSpeed(cmdline, n))
		}
	}
}

// A LineWriter hands whole lines to a function, for the output of programs. Very
// long lines are cut into pieces.
type LineWriter struct {
	Line func(string)
	buf  []byte
}

// Write takes output and hands over each line that it ends.
func (w *LineWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	for {
		i := bytes.IndexByte(w.buf, '\n')
		if i < 0 && len(w.buf) < 4096 {
			return len(p), nil
		}
		if i < 0 || i > 4096 {
			w.Line(string(w.buf[:4096]))
			w.buf = w.buf[4096:]
			continue
		}
		w.Line(strings.TrimRight(string(w.buf[:i]), "\r"))
		w.buf = w.buf[i+1:]
	}
}

// End hands over what has no line feed yet.
func (w *LineWriter) End() {
	if len(w.buf) > 0 {
		w.Line(string(w.buf))
		w.buf = nil
	}
}
