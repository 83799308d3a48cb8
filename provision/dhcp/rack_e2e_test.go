//go:build e2e

package dhcp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rackhand/bootfiles"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/store"
)

// The test binary is its own server: run again inside the server's namespace with
// these in its environment.
const (
	envServe     = "RACKHAND_DHCP_E2E_SERVE"     // the interface
	envStore     = "RACKHAND_DHCP_E2E_STORE"     // the database
	envAdvertise = "RACKHAND_DHCP_E2E_ADVERTISE" // "yes": answer router solicitations
)

func TestMain(m *testing.M) {
	if os.Getenv(envServe) == "" {
		os.Exit(m.Run())
	}
	if err := serveMain(); err != nil {
		fmt.Println("ERROR", err)
		os.Exit(1)
	}
}

// serveMain serves DHCP and the few HTTP files that a boot needs until stdin ends,
// and prints a line for each thing that happens.
func serveMain() error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	db, err := store.OpenBolt(os.Getenv(envStore))
	if err != nil {
		return err
	}
	defer db.Close()
	snap := snapshot()
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := New(Options{
		Interface: os.Getenv(envServe), ServerAddr: serverAddr, Store: db, Log: log,
		Snapshot: func() *inventory.Snapshot { return snap },
		Decide: func(_ context.Context, r boot.Request) (boot.Decision, error) {
			in := &provision.Install{ID: "i1", Host: "web", Armed: true, Stage: provision.Requested, Expires: time.Now().Add(time.Hour), Budget: provision.Budget{Attempts: 9}}
			return boot.Decide(snap, in, time.Now(), r), nil
		},
		Record: provision.RecorderFunc(func(e provision.Event) error {
			b, err := json.Marshal(e)
			say("EVENT %s", b)
			return err
		}),
		ScriptURL: func(m inventory.MAC) string { return "http://10.77.0.1/boot/ipxe?mac=" + m.String() },
		FileURL:   func(p string) string { return "http://10.77.0.1/boot/file/" + p },
	})
	files := bootfiles.New(nil)
	mux := http.NewServeMux()
	mux.HandleFunc("/boot/ipxe", func(w http.ResponseWriter, r *http.Request) {
		say("SCRIPT %s", r.URL.Query().Get("mac"))
		fmt.Fprint(w, "#!ipxe\necho rackhand was here\n")
	})
	mux.HandleFunc("/boot/file/{name}", func(w http.ResponseWriter, r *http.Request) {
		say("FILE %s %s", r.Method, r.PathValue("name"))
		f, _, err := files.Open(r.PathValue("name"))
		if err != nil {
			say("ERROR %v", err)
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		defer f.Close()
		w.Header().Set("Content-Type", "application/efi")
		http.ServeContent(w, r, "", time.Time{}, f)
	})
	web, err := net.Listen("tcp", "10.77.0.1:80")
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Run(ctx) })
	if os.Getenv(envAdvertise) == "yes" {
		a := &Advertiser{Interface: s.Interface, Log: log}
		group.Go(func() error { return a.Run(ctx) })
	}
	srv := &http.Server{Handler: mux}
	group.Go(func() error { <-ctx.Done(); return srv.Close() })
	group.Go(func() error {
		if err := srv.Serve(web); ctx.Err() == nil {
			return err
		}
		return nil
	})
	return group.Wait()
}

// sh runs a command and returns what it printed; a failure ends the test.
func sh(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s(these tests need root, and the packages iproute2, isc-dhcp-client, busybox, qemu-system-x86, ovmf, ipxe)", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// need finds a tool.
func need(t *testing.T, tool, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Fatalf("%v: install the package %s", err, pkg)
	}
	return path
}

// namespace makes a network namespace for the test.
func namespace(t *testing.T, suffix string) string {
	t.Helper()
	name := fmt.Sprintf("rh-dhcp-%d-%s", os.Getpid(), suffix)
	sh(t, "ip", "netns", "add", name)
	t.Cleanup(func() { sh(t, "ip", "netns", "del", name) })
	sh(t, "ip", "-n", name, "link", "set", "lo", "up")
	return name
}

// A daemon is the server in its namespace.
type daemon struct {
	t     *testing.T
	lines chan string
	all   []string
}

// serve starts the server on an interface of a namespace; it ends with the test,
// or when stop is called.
func serve(t *testing.T, ns, ifname string, advertise bool) (d *daemon, stop func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns, self)
	cmd.Env = append(os.Environ(), envServe+"="+ifname, envStore+"="+filepath.Join(t.TempDir(), "e2e.db"))
	if advertise {
		cmd.Env = append(cmd.Env, envAdvertise+"=yes")
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d = &daemon{t: t, lines: make(chan string, 10000)}
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			d.lines <- s.Text()
		}
		close(d.lines)
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			in.Close()
			if err := cmd.Wait(); err != nil {
				t.Errorf("the server ended badly: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			for l := range d.lines {
				d.all = append(d.all, l)
			}
			t.Logf("the server said:\n%s", strings.Join(d.all, "\n"))
		}
	})
	return d, stop
}

// until waits for a line that has all of the texts.
func (d *daemon) until(limit time.Duration, texts ...string) string {
	d.t.Helper()
	late := time.After(limit)
	for {
		select {
		case line, ok := <-d.lines:
			if !ok {
				d.t.Fatalf("the server ended before it said %q", texts)
			}
			d.all = append(d.all, line)
			found := true
			for _, text := range texts {
				found = found && strings.Contains(line, text)
			}
			if found {
				return line
			}
		case <-late:
			d.t.Fatalf("the server didn't say %q within %s", texts, limit)
		}
	}
}

// pair makes a server's and a client's namespace with a cable between them.
func pair(t *testing.T, mac inventory.MAC) (server, client string) {
	t.Helper()
	server, client = namespace(t, "s"), namespace(t, "c")
	sh(t, "ip", "-n", server, "link", "add", "srv", "type", "veth", "peer", "name", "cli", "netns", client)
	sh(t, "ip", "-n", server, "addr", "add", "10.77.0.1/24", "dev", "srv")
	sh(t, "ip", "-n", client, "link", "set", "cli", "address", mac.String())
	sh(t, "ip", "-n", server, "link", "set", "srv", "up")
	sh(t, "ip", "-n", client, "link", "set", "cli", "up")
	return server, client
}

// bridge makes a namespace with a bridge that holds the server's address, and a
// tap for a guest.
func bridge(t *testing.T) string {
	t.Helper()
	ns := namespace(t, "v")
	sh(t, "ip", "-n", ns, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
	sh(t, "ip", "-n", ns, "addr", "add", netip.PrefixFrom(serverAddr, 24).String(), "dev", "br0")
	sh(t, "ip", "-n", ns, "tuntap", "add", "tap0", "mode", "tap")
	sh(t, "ip", "-n", ns, "link", "set", "tap0", "master", "br0")
	sh(t, "ip", "-n", ns, "link", "set", "tap0", "up")
	sh(t, "ip", "-n", ns, "link", "set", "br0", "up")
	return ns
}
