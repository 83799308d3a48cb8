package installer

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// TestEndAfter: a box in service that was armed by mistake boots its system again, no matter
// which guard found the data on its disk.
func TestEndAfter(t *testing.T) {
	for _, tt := range []struct {
		kind          string
		touched, told bool
		want          string
	}{
		{plan.FailDisk, false, true, "reboot"},
		{plan.FailScript, false, true, "reboot"},
		{plan.FailScript, true, true, "poweroff"},
		{plan.FailScript, false, false, "poweroff"},
		{plan.FailDisk, false, false, "poweroff"},
		{plan.FailImage, false, true, "poweroff"},
		{plan.FailKickstart, false, true, "poweroff"},
	} {
		if got := endAfter(&plan.Failure{Kind: tt.kind, Err: errors.New("x")}, tt.touched, tt.told); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

// TestInstallerClock: the box's clock is set by the answer's date, before anything is
// judged by it, and the hardware's with it; a clock that can't be set is reported, and the install goes on.
func TestInstallerClock(t *testing.T) {
	date := time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", date.Format(http.TimeFormat))
		_, _ = w.Write([]byte("liveimg --url=http://192.0.2.1/root.tar.zst --checksum=" + strings.Repeat("0", 64) + "\nrootpw --lock\nautopart\nclearpart --all\n"))
	}))
	defer srv.Close()
	for name, tc := range map[string]struct {
		setErr, hardwareErr error
		kind, want          string
	}{
		"set":               {nil, nil, "clock-set", "the box's clock was 5h0m0s behind the appliance's, and was set, its hardware clock too"},
		"it may not":        {errors.New("EPERM"), nil, "warning", "the box's clock was 5h0m0s behind the appliance's, and can't be set: EPERM"},
		"no hardware clock": {nil, errors.New("none"), "warning", "the box's clock was 5h0m0s behind the appliance's, and was set; its hardware clock can't be: none"},
	} {
		t.Run(name, func(t *testing.T) {
			clk := &fake.Clock{Time: date.Add(-5 * time.Hour), SetErr: tc.setErr, HardwareErr: tc.hardwareErr}
			clean := report.NewRedactor().Clean
			a := &fake.Appliance{Statuses: []int{204}}
			m := &machine{clk: clk, client: srv.Client(), Log: report.Log{Con: report.NewConsole(clk.Now, clean), Rep: reportTo(t, a, clk)}}
			if _, err := m.recipe(t.Context(), Cmdline{Kickstart: srv.URL}); err != nil {
				t.Fatal(err)
			}
			e := heard(t, m.Rep, a)[0]
			if e.Kind != tc.kind || !strings.Contains(e.Message, tc.want) {
				t.Errorf("%+v, want %s: %s", e, tc.kind, tc.want)
			}
			if tc.setErr == nil && !clk.WasSet.Equal(date) || tc.setErr == nil && tc.hardwareErr == nil && !clk.HardwareSet.Equal(date) {
				t.Errorf("set to %v, the hardware's to %v", clk.WasSet, clk.HardwareSet)
			}
			if tc.kind == "warning" && e.Level != "warn" {
				t.Errorf("level %q", e.Level)
			}
		})
	}
}

func TestCardHeaders(t *testing.T) {
	h := cardHeaders([]netconf.NIC{{Name: "eth0", MAC: "52:54:00:00:00:01"}, {Name: "eth1", MAC: "52:54:00:00:00:02"}})
	for name, want := range map[string]string{"X-Rhn-Provisioning-Mac-0": "eth0 52:54:00:00:00:01", "X-Rhn-Provisioning-Mac-1": "eth1 52:54:00:00:00:02"} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
