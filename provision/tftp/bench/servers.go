//go:build bench

package bench

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"rackhand/provision"
	"rackhand/provision/tftp"
)

// A peer is a TFTP server under test: an address of the namespace's loopback and
// the command that serves a folder there.
type peer struct {
	name string
	addr netip.Addr
	args func(dir string, addr string) []string
	root string // the unpacked package, "" when it is installed
}

// envServe makes this test binary our server: ADDRESS FOLDER.
const envServe = "RACKHAND_TFTP_BENCH_SERVE"

// peers are all servers, ours first. In -L, in.tftpd stays in the foreground;
// every other setting is what the server has by itself, but for the limits on
// clients at once, which are raised above 100.
func peers(unpacked string) []peer {
	in := func(pkg, path string) string { return filepath.Join(unpacked, pkg, path) }
	return []peer{
		{"rackhand", netip.MustParseAddr("10.77.69.2"), func(dir, addr string) []string {
			return []string{os.Args[0]}
		}, ""},
		{"dnsmasq", netip.MustParseAddr("10.77.69.3"), func(dir, addr string) []string {
			return []string{
				"dnsmasq", "--conf-file=/dev/null", "--keep-in-foreground", "--port=0", "--enable-tftp", "--tftp-root=" + dir,
				"--tftp-max=150", "--bind-interfaces", "--listen-address=" + addr, "--pid-file=", "--log-facility=-", "--user=root",
			}
		}, ""},
		{"tftpd-hpa", netip.MustParseAddr("10.77.69.4"), func(dir, addr string) []string {
			return []string{in("tftpd-hpa", "usr/sbin/in.tftpd"), "-L", "-s", "-u", "nobody", "-a", addr + ":69", dir}
		}, in("tftpd-hpa", "")},
		{"atftpd", netip.MustParseAddr("10.77.69.5"), func(dir, addr string) []string {
			return []string{
				in("atftpd", "usr/sbin/atftpd"), "--daemon", "--no-fork", "--bind-address", addr, "--port", "69",
				"--maxthread", "150", "--user", "root.root", "--logfile", "-", dir,
			}
		}, in("atftpd", "")},
	}
}

// start runs the server; the function that it returns ends it.
func (p peer) start(dir string, log io.Writer) (stop func(), err error) {
	args := p.args(dir, p.addr.String())
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), envServe+"="+p.addr.String()+" "+dir)
	if p.root != "" {
		triplet := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux-gnu"
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+filepath.Join(p.root, "usr/lib", triplet))
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}, nil
}

// serve is our server: the one that the appliance runs, over files of a folder.
func serve(what string) error {
	addr, dir, _ := strings.Cut(what, " ")
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	return tftp.New(tftp.Options{
		Listen: netip.AddrPortFrom(netip.MustParseAddr(addr), 69),
		Open: func(_ context.Context, _ netip.Addr, name string) (io.ReadSeekCloser, int64, error) {
			f, err := root.Open(name)
			if err != nil {
				return nil, 0, err
			}
			info, err := f.Stat()
			if err != nil {
				return nil, 0, err
			}
			return f, info.Size(), nil
		},
		Host:   func(a netip.Addr) string { return a.String() },
		Leased: func(netip.Addr) bool { return true },
		Record: provision.RecorderFunc(func(provision.Event) error { return nil }),
	}).Run(context.Background())
}
