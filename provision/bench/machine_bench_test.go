//go:build bench

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMachine writes a description of the machine that the other tables were measured on.
func TestMachine(t *testing.T) {
	dir := diskFolder(t)
	read := func(path string) string {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	first := func(text, form string) string {
		t.Helper()
		m := regexp.MustCompile(form).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("%q has nothing like %q", abridged(text), form)
		}
		return m[1]
	}
	version := func(form, bin string, env []string, arg ...string) string {
		t.Helper()
		cmd := exec.Command(bin, arg...)
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", bin, err, out)
		}
		return first(string(out), form)
	}
	kea, keaEnv := peer(t, "kea-dhcp4-server", "usr/sbin/kea-dhcp4")
	nginx, nginxEnv := peer(t, "nginx-light", "usr/sbin/nginx")
	one, more := syncs(t, dir)
	table := Table{Head: []string{"what", "which"}, Rows: [][]string{
		{"processor", fmt.Sprintf("%s, %d cores", first(read("/proc/cpuinfo"), `model name\s*: (.*)`), runtime.NumCPU())},
		{"kernel", read("/proc/sys/kernel/osrelease")},
		{"memory", fmt.Sprintf("%s kB", first(read("/proc/meminfo"), `MemTotal:\s+(\d+) kB`))},
		{"other work before", fmt.Sprintf("%.0f %% of the processors", 100*otherWork(t))},
		{"disk", fmt.Sprintf("%s; fdatasync of 4 KiB, median: %s over old bytes, %s at the file's end", fileSystem(t, dir), one, more)},
		{"Kea", version(`(\d\S*)`, kea, keaEnv, "-v")},
		{"dnsmasq", version(`version (\S+)`, tool(t, "dnsmasq", "dnsmasq-base"), nil, "--version")},
		{"nginx", version(`nginx/(\S+)`, nginx, nginxEnv, "-v")},
		{"Go", strings.TrimPrefix(runtime.Version(), "go")},
	}}
	table.Legend = []string{"A rotating disk can't sync in a tenth of a millisecond. Such a disk may report a sync before it is done: a virtual disk's host, or a cache with a battery, is behind it. On a slower disk more of rackhand's leases share one sync, and the rates below fall for servers that sync."}
	publish(t, "machine", table.Markdown())
}

// syncs measures fdatasync of one page, over existing bytes and at the end of a file that
// grows.
func syncs(t *testing.T, dir string) (over, end time.Duration) {
	t.Helper()
	const times, pages = 200, 4
	page := make([]byte, 4096)
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	measure := func(offset func(i int) int64) time.Duration {
		var took []float64
		for i := range times {
			if _, err := f.WriteAt(page, offset(i)); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if err := unix.Fdatasync(int(f.Fd())); err != nil {
				t.Fatal(err)
			}
			took = append(took, float64(time.Since(began)))
		}
		return time.Duration(Median(took)).Round(10 * time.Microsecond)
	}
	end = measure(func(i int) int64 { return int64(i * len(page)) })
	over = measure(func(i int) int64 { return int64(i % pages * len(page)) })
	return over, end
}
