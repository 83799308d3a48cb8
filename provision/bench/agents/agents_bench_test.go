//go:build bench

package agents

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"rackhand/provision/bench"
)

// A contender is a tool, with the command that runs it once.
type contender struct {
	name, command string
	// times is how often it runs for one measurement: a short run must be repeated to be
	// measured.
	times int
	// wrong are parts of its output that tell of a change or a failure.
	wrong []string
}

// TestAgents measures 100 resources with nothing to change, in turns, and writes down each
// tool's processor time and peak memory.
func TestAgents(t *testing.T) {
	s := newSystem(t)
	contenders := []contender{
		{"rackhand-agent", "/usr/local/sbin/rackhand-agent once", 20, []string{"changed ", "failed "}},
		{"CFEngine", "cf-agent --no-lock --inform --file /root/bench.cf", 5, []string{"info:", "error:"}},
		{"Puppet", "puppet apply --detailed-exitcodes /root/bench.pp", 1, []string{"Notice: /", "Error"}},
		{"ansible-core", "ansible-playbook -i localhost, /root/bench.yml", 1, []string{"changed: [", "fatal: ["}},
	}
	for _, c := range contenders {
		s.mustConverge(c)
	}
	const rounds = 3
	seconds, memory := map[string][]float64{}, map[string][]float64{}
	for range rounds {
		for _, c := range contenders {
			m := s.run(c)
			seconds[c.name] = append(seconds[c.name], m.seconds)
			memory[c.name] = append(memory[c.name], float64(m.kilobytes)/1024)
		}
	}
	ours := contenders[0].name
	table := bench.Table{Head: []string{"agent", "version", "CPU s a run", "to rackhand", "peak memory, MiB", "to rackhand"}}
	for _, c := range contenders {
		cpu, mem := bench.Median(seconds[c.name]), bench.Median(memory[c.name])
		table.Rows = append(table.Rows, []string{
			c.name, s.version(c.name), fmt.Sprintf("%.3f", cpu), fmt.Sprintf("%.1f ×", cpu/bench.Median(seconds[ours])),
			fmt.Sprintf("%.1f", mem), fmt.Sprintf("%.1f ×", mem/bench.Median(memory[ours])),
		})
	}
	table.Legend = []string{fmt.Sprintf(
		"%d resources on a booted Debian 12 (%d folders, %d files of 680 bytes, %d packages, %d services), all of which hold; in turns, %d rounds, the median. CPU is that of the tool and of all programs that it runs, user and system; peak memory is that of the largest of its processes. rackhand-agent fetches its catalog from an appliance by mutual TLS and reports to it; the others read a file on the host. Puppet and Ansible gather facts, as they do by default; CFEngine may use its cached list of packages. %d cores, load before: %s.",
		resources, folders, files, len(packages()), services, rounds, runtime.NumCPU(), s.load)}
	text := table.Markdown()
	fmt.Println(text)
	if *write {
		if err := bench.RewriteFile(filepath.Join("..", "..", "..", "docs", "performance.md"), "agents", text); err != nil {
			t.Error(err)
		}
	}
}

// mustConverge has a contender bring about all resources, which also fills its caches, and
// then a file that was removed and a service that was stopped. So none leaves a kind out.
func (s *system) mustConverge(c contender) {
	s.t.Helper()
	for _, undo := range []string{"true", "rm " + path(0) + "; systemctl stop " + service(0)} {
		s.Do("sh", "-c", undo)
		s.Do("sh", "-c", "HOME=/root LC_ALL=C.UTF-8; export HOME LC_ALL; "+c.command+" || true")
		s.Do("test", "-s", path(0))
		s.Do("systemctl", "is-active", service(0))
	}
}

// A measured is the cost of a run.
type measured struct {
	seconds   float64 // of processor time
	kilobytes int     // peak memory of one of its processes
}

// run runs a contender in the system and measures it by GNU time, which is small: a process
// counts as its own the memory that the one that started it had.
func (s *system) run(c contender) measured {
	s.t.Helper()
	loop := fmt.Sprintf("i=0; while [ $i -lt %d ]; do %s || exit 1; i=$((i+1)); done", c.times, c.command)
	out := s.Do("sh", "-c", "HOME=/root LC_ALL=C.UTF-8 time -o /root/measured -f '%U %S %M' sh -c '"+loop+"' 2>&1")
	for _, bad := range c.wrong {
		for line := range strings.Lines(out) {
			if strings.Contains(line, bad) && !strings.Contains(line, "changed=0") {
				s.t.Fatalf("%s has something to do:\n%s", c.name, out)
			}
		}
	}
	return s.measured(c.times)
}

// measured reads what GNU time measured of so many runs.
func (s *system) measured(times int) (m measured) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Root, "root/measured"))
	if err != nil {
		s.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n") // a status other than 0 stands before
	var user, system float64
	if _, err := fmt.Sscan(lines[len(lines)-1], &user, &system, &m.kilobytes); err != nil {
		s.t.Fatalf("%q: %v", text, err)
	}
	m.seconds = (user + system) / float64(times)
	return m
}
