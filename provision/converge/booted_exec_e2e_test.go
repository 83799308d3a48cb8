//go:build e2e

package converge

import "rackhand/provision/catalog"

func execCases() []conformance {
	of := func(e catalog.Exec) catalog.Resource { return catalog.Resource{Exec: &e} }
	return []conformance{
		{
			name:    "exec creates",
			declare: of(catalog.Exec{Name: "a file", Command: []string{"touch", "/var/tmp/made"}, Creates: "/var/tmp/made"}),
			made:    "changed run", is: "test -e /var/tmp/made", drift: "rm /var/tmp/made", mended: "changed run",
		},
		{
			name: "exec unless", prepare: "useradd --create-home runner",
			declare: of(catalog.Exec{
				Name: "as another", Command: []string{"/bin/sh", "-ec", `test -z "$RACKHAND_IMAGES"; echo "$(id -un) $HOME $PWD $GREETING $(umask)" > out; exit 3`},
				Unless: []string{"test", "-e", "out"}, Cwd: "/home/runner", User: "runner", Environment: []string{"GREETING=hello"}, Exit: []int{0, 3}, Umask: "077",
			}),
			made: "changed run", is: `test "$(cat /home/runner/out)" = 'runner /home/runner /home/runner hello 0077'; test "$(stat -c %U:%a /home/runner/out)" = runner:600`,
			drift: "rm /home/runner/out", mended: "changed run",
		},
		{
			name: "exec onlyif", prepare: "echo old >/var/tmp/state",
			declare: of(catalog.Exec{Name: "renew", Command: []string{"sh", "-c", "echo new >/var/tmp/state"}, OnlyIf: []string{"grep", "-q", "old", "/var/tmp/state"}}),
			made:    "changed run", is: "grep -q new /var/tmp/state", drift: "echo old >/var/tmp/state", mended: "changed run",
		},
		{
			name:    "exec that isn't notified",
			declare: of(catalog.Exec{Name: "never", Command: []string{"false"}, RefreshOnly: true}), made: "ok", is: "true",
		},
	}
}
