//go:build bench

package agents

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/bench"
	"rackhand/provision/converge/hosttest"
)

// TestMany measures many resources on one host: how long the appliance compiles them, and
// what a run of the agent with nothing to change costs.
func TestMany(t *testing.T) {
	const rounds = 5
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	table := bench.Table{Head: []string{"resources", "compiled in, s", "CPU s a run", "s a run", "peak memory, MiB"}}
	for _, n := range []int{1000, 10000} {
		mix := MixOf(n)
		h := newManyHost(t, mix)
		h.once(2) // makes the files
		var seconds, wall, memory []float64
		for range rounds {
			began := time.Now()
			m := h.once(0)
			wall = append(wall, time.Since(began).Seconds())
			seconds = append(seconds, m.seconds)
			memory = append(memory, float64(m.kilobytes)/1024)
		}
		table.Rows = append(table.Rows, []string{
			fmt.Sprint(n), fmt.Sprintf("%.3f", compiled(t, mix).Seconds()), fmt.Sprintf("%.3f", bench.Median(seconds)),
			fmt.Sprintf("%.3f", bench.Median(wall)), fmt.Sprintf("%.1f", bench.Median(memory)),
		})
	}
	mix := MixOf(10000)
	table.Legend = []string{fmt.Sprintf(
		"A host of each number of resources; of 10,000 they are %d files of 20 to 300 bytes, %d folders, %d packages and %d services. A tenth of the files comes from an included role, which is included 50 times with other parameters, and a tenth from `each` over a list. rackhand-agent fetches its catalog from an appliance by mutual TLS, compares every file by its SHA-256, and reports; dpkg-query reads a database of all packages, and a script stands in for systemctl. %d rounds, the median. CPU is that of the agent and of all programs that it runs, user and system; peak memory is that of the largest of its processes. Compiling includes neither reading the roles nor the network. %d cores, load before: %s.",
		mix.Files, mix.Folders, mix.Packages, mix.Services, rounds, runtime.NumCPU(), strings.Fields(string(load))[0])}
	text := table.Markdown()
	fmt.Println(text)
	if *write {
		if err := bench.RewriteFile(filepath.Join("..", "..", "..", "docs", "performance.md"), "many", text); err != nil {
			t.Error(err)
		}
	}
}

// compiled is the median time of compiling a mix.
func compiled(t *testing.T, mix Mix) time.Duration {
	t.Helper()
	dir := t.TempDir()
	for name, text := range mix.Roles() {
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, problems := role.Load(dir)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var took []float64
	for range 5 {
		began := time.Now()
		c, err := set.Compile([]string{"many"}, role.Input{Host: &inventory.Host{Name: "web1"}, Appliance: "http://10.77.0.1"})
		took = append(took, time.Since(began).Seconds())
		if err != nil || len(c.Catalog.Resources) != mix.Files+mix.Folders+mix.Packages+mix.Services {
			t.Fatal(err)
		}
	}
	return time.Duration(bench.Median(took) * float64(time.Second))
}

// A manyHost is a host in a folder, with an appliance.
type manyHost struct {
	*system
	command []string
}

// systemctl stands in for systemctl(1): every unit that it is asked for is active and enabled.
const systemctl = `#!/bin/sh
shift 3
for unit; do
	printf 'Id=%s.service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nFragmentPath=/lib/%s\nType=simple\n\n' "$unit" "$unit"
done
`

func newManyHost(t *testing.T, mix Mix) *manyHost {
	t.Helper()
	h := &manyHost{system: &system{t: t, Host: hosttest.Folder(t)}}
	folder := map[string]string{"rack.yaml": hosttest.Inventory("many")}
	for name, text := range mix.Roles() {
		folder["roles/"+name+".yaml"] = text
	}
	host := h.Serve(folder)
	var status strings.Builder
	for i := range mix.Packages {
		fmt.Fprintf(&status, "Package: %s\nStatus: install ok installed\nPriority: optional\nSection: misc\nInstalled-Size: 100\nMaintainer: A <a@example.com>\nArchitecture: amd64\nVersion: 1.0-%d\nDescription: a package\n with a longer text\n\n", mix.Package(i), i)
	}
	for name, text := range map[string]string{
		"var/lib/dpkg/status": status.String(), "var/lib/dpkg/available": "", "bin/systemctl": systemctl,
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\n", "srv/.keep": "", "root/.keep": "",
	} {
		h.Write(name, text, 0o755)
	}
	wants := filepath.Join(h.Root, "etc/systemd/system/multi-user.target.wants")
	if err := os.MkdirAll(wants, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range mix.Services {
		if err := os.Symlink("/lib/systemd/system/"+mix.Service(i)+".service", filepath.Join(wants, mix.Service(i)+".service")); err != nil {
			t.Fatal(err)
		}
	}
	h.command = []string{
		"ip", "netns", "exec", host, "env", "PATH=" + filepath.Join(h.Root, "bin") + ":" + os.Getenv("PATH"), "DPKG_ADMINDIR=" + filepath.Join(h.Root, "var/lib/dpkg"),
		filepath.Join(os.Getenv("RACKHAND_PEERS"), "agents/usr/bin/time"), "-o", filepath.Join(h.Root, "root/measured"), "-f", "%U %S %M",
		filepath.Join(h.Root, hosttest.Agent), "once", "--root-dir", h.Root,
	}
	return h
}

// once makes a run, which must end with an exit code: 0 when there was nothing to do, 2 when
// something was changed.
func (h *manyHost) once(want int) measured {
	h.t.Helper()
	cmd := exec.Command(h.command[0], h.command[1:]...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
		h.t.Fatalf("%v, want exit code %d\n%s", err, want, out)
	}
	return h.measured(1)
}
