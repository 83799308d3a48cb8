//go:build e2e

package converge

import (
	"testing"

	"rackhand/provision/catalog"
)

func serviceCases() []conformance {
	text := func(s string) *string { return &s }
	unit := "printf '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' >/usr/lib/systemd/system/bound.service; systemctl daemon-reload; "
	of := func(s catalog.Service) catalog.Resource {
		s.Name, s.Settle = "bound", 1
		return catalog.Resource{Service: &s}
	}
	limit := `systemctl is-active bound; test "$(systemctl show --property=LimitNOFILE --value bound)" = 4321; grep -q 4321 /proc/$(systemctl show --property=MainPID --value bound)/limits`
	return []conformance{
		{
			name: "service that is stopped and masked by hand", prepare: unit + "systemctl stop bound; systemctl disable bound",
			declare: of(catalog.Service{Running: yes(), Enabled: yes()}),
			made:    "changed enabled; started", is: "systemctl is-active bound; systemctl is-enabled bound",
			drift: "systemctl mask --now bound", mended: "changed unmasked; started",
		},
		{
			name:    "masked in memory until the next boot",
			declare: of(catalog.Service{Running: yes()}),
			made:    "ok", is: "systemctl is-active bound",
			drift: "systemctl mask --runtime --now bound", mended: "changed unmasked; started",
		},
		{
			name:    "masked service",
			declare: of(catalog.Service{Masked: yes(), Running: no()}),
			made:    "changed masked; stopped", is: "! systemctl is-active bound; systemctl is-enabled bound | grep -q masked",
			drift: "systemctl unmask bound; systemctl start bound", mended: "changed masked; stopped",
		},
		{
			name:    "unmasked service",
			declare: of(catalog.Service{Masked: no()}),
			made:    "changed unmasked", is: "systemctl is-enabled bound | grep -qx enabled",
		},
		{
			name:    "drop-in",
			declare: of(catalog.Service{Running: yes(), DropIn: text("[Service]\nLimitNOFILE=4321\n")}),
			made:    "changed rackhand.conf: made", is: limit,
			drift: "rm -r /etc/systemd/system/bound.service.d; systemctl daemon-reload; systemctl restart bound", mended: "changed rackhand.conf: made",
		},
		{
			name:    "drop-in of a service that reloads",
			declare: of(catalog.Service{Running: yes(), Refresh: catalog.Reload, DropIn: text("[Service]\nLimitNOFILE=4320")}),
			made:    "changed rackhand.conf: content changed", is: "grep -q 4320 /proc/$(systemctl show --property=MainPID --value bound)/limits",
		},
		{
			name:    "no drop-in",
			declare: of(catalog.Service{Running: yes(), DropIn: text("")}),
			made:    "changed rackhand.conf: removed; restarted, since its drop-in changed",
			is:      "! systemctl cat bound | grep -q LimitNOFILE; ! grep -q 4320 /proc/$(systemctl show --property=MainPID --value bound)/limits",
			// Nothing restarts, and systemd has the former file.
			drift: "sed -i '1i # another' /usr/lib/systemd/system/bound.service", mended: "changed systemd has read its changed unit files",
		},
	}
}

// dropIns: the restart that a drop-in causes waits for the maintenance window, on disk.
func (b *booted) dropIns(t *testing.T) {
	content := "[Service]\nLimitNOFILE=4322\n"
	of := catalog.Resource{ID: "service[bound]", Service: &catalog.Service{Name: "bound", Running: yes(), DropIn: &content}}
	b.hold = "Sat 5 Dec 02:00"
	b.is(t, "outside the window", b.converge(false, of), "service[bound] changed rackhand.conf: made, ")
	b.is(t, "outside the window", b.converge(false, of), "service[bound] pending restart pending until Sat 5 Dec 02:00, since its drop-in changed")
	of.Service.Refresh = catalog.Reload // which takes no drop-in in
	b.is(t, "outside the window", b.converge(false, of), "service[bound] pending restart pending until Sat 5 Dec 02:00, since its drop-in changed")
	b.hold = ""
	b.is(t, "dry run in the window", b.converge(true, of), "service[bound] changed restarted, since its drop-in changed")
	b.is(t, "in the window", b.converge(false, of), "service[bound] changed restarted, since its drop-in changed")
	b.is(t, "then", b.converge(false, of), "service[bound] ok")
	if limits := b.do("sh", "-c", "cat /proc/$(systemctl show --property=MainPID --value bound)/limits | grep -c 4322"); limits != "1\n" {
		t.Errorf("%q", limits)
	}
	// A package may mask a unit, too.
	b.do("sh", "-c", "ln -s /dev/null /usr/lib/systemd/system/vendor.service; systemctl daemon-reload")
	b.is(t, "masked by a package", b.converge(false, catalog.Resource{ID: "service[vendor]", Service: &catalog.Service{Name: "vendor", Running: yes()}}),
		"service[vendor] failed it is masked by /lib/systemd/system/vendor.service")
	// A service that is started notifies.
	b.do("systemctl", "stop", "bound")
	starts := running("bound")
	starts.Notify = []string{"exec[after]"}
	after := catalog.Resource{ID: "exec[after]", Exec: &catalog.Exec{Name: "after", Command: []string{"true"}, RefreshOnly: true}}
	for _, noop := range []bool{true, false} {
		b.is(t, "notified by a start", b.converge(noop, starts, after), "service[bound] changed started", "exec[after] changed run, since service[bound] changed")
	}
}
