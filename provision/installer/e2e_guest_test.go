//go:build e2e

package installer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rackhand/bootfiles/image"
	"rackhand/bootfiles/image/imagetest"
	"rackhand/provision/installer/report"
)

// The environment variable that turns the test's binary into the pipe between a
// guest's connection and the test's server: QEMU's guestfwd starts it.
const pipeTo = "RACKHAND_INSTALLER_PIPE"

func TestMain(m *testing.M) {
	if socket := os.Getenv(pipeTo); socket != "" {
		if err := pipe(socket); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func pipe(socket string) error {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(c, os.Stdin)
		_ = c.(*net.UnixConn).CloseWrite()
	}()
	_, err = io.Copy(os.Stdout, c)
	return err
}

// A guestTest is a guest's network: an HTTP server behind QEMU's own user-mode network,
// which reaches nothing else (restrict=on) and needs no root.
type guestTest struct {
	t      *testing.T
	dir    string
	image  string // folder of the image
	kernel string
	initrd string

	mu     sync.Mutex
	ks     string
	events []report.Event
	report []byte // of a job
	files  map[string]string

	// handler serves what has no file; netdev changes the card's netdev n
	handler http.Handler
	netdev  func(user string) []string
	// serves instead of the files, by path
	handlers map[string]http.HandlerFunc
	srv      *http.Server
	until    string // the power is cut when an installer shows this
}

const (
	token = "0123456789abcdef-secret-token"
	// The guest trusts its processor: an emulated one pays dearly for what guards against another one.
	serial = "console=ttyS0,115200 mitigations=off"
)

func need(t *testing.T, what, hint string) {
	t.Helper()
	if _, err := exec.LookPath(what); err != nil {
		if _, err := os.Stat(what); err != nil {
			t.Fatalf("%s is missing: %s", what, hint)
		}
	}
}

// prepared is done once for all tests: this checkout's installer is put into the image,
// and the small image made of it.
var prepared = sync.OnceValues(func() (folder string, err error) {
	dir, err := os.MkdirTemp("", "rackhand-installer-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	init := filepath.Join(dir, "init")
	// As `make build` does, so that the image keeps its bytes if it has this installer.
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", init, "rackhand/cmd/rackhand-installer")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the installer: %v\n%s", err, out)
	}
	program, err := os.ReadFile(init)
	if err != nil {
		return "", err
	}
	images := os.Getenv("RACKHAND_IMAGES")
	if err := image.Refresh(images, imagetest.Name, program); err != nil {
		return "", fmt.Errorf("%w (run `make image`, and name its folder by RACKHAND_IMAGES)", err)
	}
	return imagetest.Small(context.Background(), images)
})

func newGuestTest(t *testing.T) *guestTest {
	t.Helper()
	need(t, "qemu-system-x86_64", "apt install qemu-system-x86")
	images, err := prepared()
	if err != nil {
		t.Fatal(err)
	}
	b := &guestTest{t: t, dir: t.TempDir(), files: map[string]string{}, handlers: map[string]http.HandlerFunc{}}
	b.image = filepath.Join(images, imagetest.Name)
	b.kernel = filepath.Join(b.image, image.KernelFile)
	b.initrd = filepath.Join(b.image, image.InitrdFile)
	b.files["/image/root.tar.zst"] = filepath.Join(b.image, image.RootFile)
	b.serve()
	return b
}

func (b *guestTest) serve() {
	l, err := net.Listen("unix", filepath.Join(b.dir, "http.sock"))
	if err != nil {
		b.t.Fatal(err)
	}
	srv := &http.Server{Handler: b, ReadHeaderTimeout: 10 * time.Second}
	b.mu.Lock()
	b.srv = srv
	b.mu.Unlock()
	go srv.Serve(l)
	b.t.Cleanup(func() { srv.Close() })
}

// ServeHTTP is the appliance as the installer sees it.
func (b *guestTest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/i/" + token + "/ks":
		b.mu.Lock()
		defer b.mu.Unlock()
		io.WriteString(w, b.ks)
	case "/i/" + token + "/event":
		var e report.Event
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&e); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		b.mu.Lock()
		b.events = append(b.events, e)
		b.mu.Unlock()
		b.t.Logf("event %-10s %-14s %-6s %s", e.Stage, e.Kind, e.Level, e.Message)
		w.WriteHeader(http.StatusNoContent)
	case "/i/" + token + "/report":
		text, _ := io.ReadAll(io.LimitReader(r.Body, 1<<18))
		b.mu.Lock()
		b.report = text
		b.mu.Unlock()
	default:
		if h, ok := b.handlers[r.URL.Path]; ok {
			h(w, r)
			return
		}
		if name, ok := b.files[r.URL.Path]; ok {
			http.ServeFile(w, r, name)
			return
		}
		if b.handler != nil {
			b.handler.ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	}
}

// boot runs a guest until it powers off or reboots, or until its serial line has
// shown the marker. It returns the line's output. A guest that does none of these in its
// time is a failure.
func (b *guestTest) boot(uefi bool, disk, marker string, limit time.Duration, more ...string) string {
	b.t.Helper()
	log := filepath.Join(b.dir, fmt.Sprintf("serial-%d.log", time.Now().UnixNano()))
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	forward := fmt.Sprintf("tcp:10.77.0.1:80-cmd:/usr/bin/env %s=%s %s", pipeTo, filepath.Join(b.dir, "http.sock"), self)
	args := []string{
		"-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1536",
		"-nographic", "-monitor", "none", "-serial", "file:" + log, "-no-reboot",
		"-device", "virtio-net-pci,netdev=n,mac=52:54:00:00:00:01,romfile=",
	}
	if disk != "" { // else the caller names the disks
		args = append(args, "-drive", "file="+disk+",format=raw,if=virtio,cache=unsafe,aio=threads")
	}
	user := "user,id=n,restrict=on,net=10.77.0.0/24,host=10.77.0.2,dhcpstart=10.77.0.11,guestfwd=" + forward
	if b.netdev != nil {
		args = append(args, b.netdev(user)...)
	} else {
		args = append(args, "-netdev", user)
	}
	if uefi {
		const vars = "/usr/share/OVMF/OVMF_VARS_4M.fd"
		need(b.t, vars, "apt install ovmf")
		mine := filepath.Join(b.dir, "vars.fd")
		data, err := os.ReadFile(vars)
		if err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(mine, data, 0o644); err != nil { // fresh: nothing is kept in NVRAM
			b.t.Fatal(err)
		}
		args = append(args, "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
			"-drive", "if=pflash,unit=1,format=raw,file="+mine)
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), limit)
	defer cancel()
	start := time.Now()
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", append(args, more...)...)
	var qemu bytes.Buffer
	cmd.Stdout, cmd.Stderr = &qemu, &qemu
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // no guest outlives a test that is killed
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			text := b.read(log)
			b.t.Logf("guest ended after %.1f s", time.Since(start).Seconds())
			if err != nil || (marker != "" && !strings.Contains(text, marker)) {
				b.t.Fatalf("guest ended: %v %s (want %q)\n%s", err, qemu.String(), marker, tailOf(text))
			}
			return text
		case <-time.After(200 * time.Millisecond):
			if text := b.read(log); marker != "" && strings.Contains(text, marker) {
				b.t.Logf("guest shows %q after %.1f s", marker, time.Since(start).Seconds())
				cancel()
				<-ended
				return text
			}
		}
	}
}

func (b *guestTest) read(file string) string {
	data, _ := os.ReadFile(file)
	return string(data)
}

func tailOf(s string) string {
	return s[max(0, len(s)-6000):]
}

// cmdline is the installer's kernel's.
func (b *guestTest) cmdline(args string) string {
	return "inst.ks=http://10.77.0.1/i/" + token + "/ks rackhand.report=http://10.77.0.1/i/" + token +
		"/event BOOTIF=01-52-54-00-00-00-01 ip=dhcp rackhand.hold=1 panic=1 " + serial + " " + args
}

// install boots the installer.
func (b *guestTest) install(uefi bool, disk, args string, more ...string) string {
	b.t.Helper()
	b.mu.Lock()
	b.events = nil
	b.mu.Unlock()
	more = append([]string{"-kernel", b.kernel, "-initrd", b.initrd, "-append", b.cmdline(args)}, more...)
	text := b.boot(uefi, disk, b.until, 5*time.Minute, more...)
	if _, after, _ := strings.Cut(text, "rackhand-installer"); strings.Contains(after, token) {
		b.t.Error("the token is on the console")
	}
	return text
}

func (b *guestTest) find(stage, kind string) *report.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if e.Stage == stage && e.Kind == kind {
			return &e
		}
	}
	return nil
}

func (b *guestTest) disk(name string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	f, err := os.Create(path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(4 << 30); err != nil {
		b.t.Fatal(err)
	}
	return path
}
