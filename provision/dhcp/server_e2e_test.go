//go:build e2e

package dhcp

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/pin/tftp/v3"
	"golang.org/x/sync/errgroup"

	"rackhand/bootfiles"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/routeradvert"
	"rackhand/provision/store"
)

// The test binary is its own server, and its own simplest client: it runs itself in a
// namespace with one of these in its environment.
const (
	envSetup  = "RACKHAND_DHCP_E2E_SERVE"  // a setup as JSON
	envClient = "RACKHAND_DHCP_E2E_CLIENT" // the interface to ask on
	envBINL   = "RACKHAND_DHCP_E2E_BINL"   // any value: see binlMain
	envFill   = "RACKHAND_DHCP_E2E_FILL"   // the interface to send on: see fillMain
)

// A setup is the configuration of a test's server.
type setup struct {
	Interface string
	Address   string // ours; 10.77.0.1 when empty
	Store     string
	Advertise bool                // answer router solicitations
	Mode      inventory.DHCPMode  // of rack1
	Far       inventory.DHCPMode  // of rack2, behind a relay
	Form      inventory.ProxyForm // of every host
	Lease     time.Duration
	Pool      inventory.Range // of rack1, when set
}

func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(envSetup) != "":
		err = serveMain([]byte(os.Getenv(envSetup)))
	case os.Getenv(envWhy) != "":
		err = whyMain([]byte(os.Getenv(envWhy)))
	case os.Getenv(envAsk) != "":
		err = askMain(os.Getenv(envAsk))
	case os.Getenv(envClient) != "":
		err = frameMain(os.Getenv(envClient))
	case os.Getenv(envUnusual) != "":
		err = unusualMain(os.Getenv(envUnusual))
	case os.Getenv(envBINL) != "":
		err = binlMain(os.Getenv(envBINL))
	case os.Getenv(envFill) != "":
		err = fillMain(os.Getenv(envFill))
	default:
		// These tests wait for other programs' timers most of the time, so more of them run
		// in parallel than there are cores, unless -parallel is set.
		if err = flag.Set("test.parallel", "4"); err == nil {
			os.Exit(m.Run())
		}
	}
	if err != nil {
		fmt.Println("ERROR", err)
		os.Exit(1)
	}
}

// e2eSnapshot is the inventory of the tests, with a network behind a relay.
func e2eSnapshot(s setup) *inventory.Snapshot {
	snap := snapshot()
	rack, other := snap.Networks["rack1"], snap.Networks["rack2"]
	rack.DHCP, other.DHCP = s.Mode, s.Far
	if s.Pool.First.IsValid() {
		rack.Leases = s.Pool
	}
	withBMC(snap, "10.77.0.111")
	other.Gateway = netip.MustParseAddr("10.78.0.1")
	other.Leases = inventory.Range{First: netip.MustParseAddr("10.78.0.200"), Last: netip.MustParseAddr("10.78.0.220")}
	for _, h := range snap.Hosts {
		h.Boot.Proxy = s.Form
	}
	return snap
}

// serveMain serves DHCP, and the few files by TFTP and HTTP that a boot needs, until stdin
// ends. It prints a line for each event.
func serveMain(raw []byte) error {
	var set setup
	if err := json.Unmarshal(raw, &set); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	db, err := store.OpenBolt(set.Store)
	if err != nil {
		return err
	}
	defer db.Close()
	group, ctx := errgroup.WithContext(ctx)
	changes, err := db.Watch(ctx, LeasePrefix, 0)
	if err != nil {
		return err
	}
	snap := e2eSnapshot(set)
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := New(Options{
		Interface: set.Interface, ServerAddr: netip.MustParseAddr(set.Address), Store: db, Log: log, LeaseTime: set.Lease,
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
		ScriptURL: func(m inventory.MAC) string { return "http://" + set.Address + "/boot/ipxe?mac=" + m.String() },
		FileURL:   func(p string) string { return "http://" + set.Address + "/boot/file/" + p },
	})
	files := bootfiles.New(nil)
	group.Go(func() error { return s.Run(ctx) })
	group.Go(func() error {
		for c := range changes {
			say("LEASE %s", c.Value)
		}
		return nil
	})
	if set.Advertise {
		a := &routeradvert.Advertiser{Interface: s.Interface, Log: log}
		group.Go(func() error { return a.Run(ctx) })
	}
	group.Go(func() error { return serveHTTP(ctx, set.Address, files, say) })
	group.Go(func() error { return serveTFTP(ctx, set.Address, files, say) })
	return group.Wait()
}

// serveHTTP serves scripts and boot programs until ctx ends.
func serveHTTP(ctx context.Context, address string, files *bootfiles.Files, say func(string, ...any)) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/boot/ipxe", func(w http.ResponseWriter, r *http.Request) {
		say("SCRIPT %s to %s", r.URL.Query().Get("mac"), r.RemoteAddr)
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
	listener, err := net.Listen("tcp", address+":80")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: mux}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// serveTFTP serves boot programs until ctx ends.
func serveTFTP(ctx context.Context, address string, files *bootfiles.Files, say func(string, ...any)) error {
	srv := tftp.NewServer(func(name string, rf io.ReaderFrom) error {
		say("FILE TFTP %s", name)
		f, size, err := files.Open(name)
		if err != nil {
			say("ERROR %v", err)
			return errors.New("not found")
		}
		defer f.Close()
		if out, ok := rf.(tftp.OutgoingTransfer); ok {
			out.SetSize(size)
		}
		_, err = rf.ReadFrom(f)
		return err
	}, nil)
	srv.SetTimeout(time.Second)
	conn, err := net.ListenPacket("udp4", address+":69")
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, srv.Shutdown)
	defer stop()
	if err := srv.Serve(conn.(*net.UDPConn)); ctx.Err() == nil {
		return err
	}
	return nil
}
