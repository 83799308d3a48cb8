package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/audit"
	"rackhand/provision/bmc/audit/probe"
	"rackhand/provision/web/show"
)

var update = flag.Bool("update", false, "write the golden files")

// day is the appliance's clock in these tests.
var day = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// good are the facts of a BMC that nothing is wrong with, the nth of the rack.
func good(n int) audit.Facts {
	ahead := 2 * time.Second
	return audit.Facts{
		Host: fmt.Sprintf("web%d", n), Address: fmt.Sprintf("10.77.0.%d", 100+n), User: "rackhand",
		IPMI: &probe.IPMI{Suites: []int{3, 17}},
		Session: &audit.Session{
			Maker: "Supermicro", Model: "X11DPT", Firmware: "1.73.14", Privilege: bmc.Operator, Ahead: &ahead,
			Log: &bmc.LogState{Entries: 12, Percent: 2}, Boot: &bmc.Boot{Device: bmc.Disk, Valid: true, Persistent: true},
		},
	}
}

// with changes the facts of a good BMC.
func with(n int, change func(*audit.Facts)) audit.Facts {
	f := good(n)
	change(&f)
	return f
}

// failed are the facts of a BMC whose login fails.
func failed(n int, why, text string) audit.Facts {
	return with(n, func(f *audit.Facts) { f.Failure, f.Session = &audit.Failure{Why: why, Text: text}, nil })
}

// secure gives a BMC a Redfish service with a certificate that the inventory pins.
func secure(f *audit.Facts) {
	f.Pinned = true
	f.HTTPS = &probe.HTTPS{Redfish: true, Certificate: probe.Certificate{
		Fingerprint: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		NotAfter:    day.AddDate(1, 0, 0), SelfSigned: true, Key: "RSA", Bits: 2048,
	}}
	f.IPMI = nil
}

// rack has each fault once, and some twice.
func rack() []audit.Facts {
	tls := func(n int, change func(*audit.Facts)) audit.Facts {
		return with(n, func(f *audit.Facts) { secure(f); change(f) })
	}
	return []audit.Facts{
		good(1),
		with(2, func(f *audit.Facts) { f.IPMI.Zero = probe.ZeroAccepted; f.IPMI.Suites = []int{0, 1, 2, 3} }),
		with(3, func(f *audit.Facts) { f.IPMI.Zero = probe.ZeroOffered }),
		with(4, func(f *audit.Facts) { f.IPMI.Anonymous = true; f.IPMI.Nameless = true; f.IPMI.NoPassword = true }),
		with(5, func(f *audit.Facts) { f.Session.Nameless = true; f.Session.Privilege = bmc.Administrator }),
		with(6, func(f *audit.Facts) { f.Factory = "ADMIN" }),
		with(7, func(f *audit.Facts) { f.Locked = "ADMIN" }),
		failed(8, bmc.WhySilence, ""),
		with(9, func(f *audit.Facts) { f.Failure = &audit.Failure{Why: bmc.WhyAddress}; f.Session, f.IPMI = nil, nil }),
		failed(10, bmc.WhyPassword, ""),
		failed(32, "secret", ""),
		failed(11, bmc.WhyLocked, ""),
		failed(12, bmc.WhyPasswordChange, ""),
		failed(13, bmc.WhyPrivilege, ""),
		tls(14, func(f *audit.Facts) {
			f.Pinned, f.Session, f.Failure = false, nil, &audit.Failure{Why: bmc.WhyCertificate}
		}),
		failed(15, bmc.WhySessions, ""),
		failed(33, "old-tls", ""),
		failed(16, bmc.WhyRefused, "the BMC refused the command (C1h)"),
		with(17, func(f *audit.Facts) { *f.Session.Ahead = -6 * 365 * 24 * time.Hour }),
		with(18, func(f *audit.Facts) { *f.Session.Ahead = time.Hour + 3*time.Second }),
		with(19, func(f *audit.Facts) { f.Session.Ahead, f.Session.NoClock = nil, `"N/A" is no time` }),
		tls(20, func(f *audit.Facts) { f.HTTPS.Certificate.NotAfter = day.AddDate(0, 0, -3) }),
		tls(21, func(f *audit.Facts) { f.HTTPS.Certificate.NotAfter = day.AddDate(0, 0, 20) }),
		tls(22, func(f *audit.Facts) { f.HTTPS.Certificate.Bits = 1024; f.HTTPS.OldTLS = true }),
		tls(23, func(f *audit.Facts) { f.Pinned, f.IPMI = false, &probe.IPMI{} }),
		with(24, func(f *audit.Facts) { f.Session.Firmware = "1.73.9" }),
		with(25, func(f *audit.Facts) { f.Session.Log = &bmc.LogState{Entries: 512, Percent: 100, Full: true} }),
		with(26, func(f *audit.Facts) { f.Session.Log = &bmc.LogState{Entries: 420, Percent: 82} }),
		with(27, func(f *audit.Facts) { f.Session.Boot = &bmc.Boot{Device: bmc.PXE, Valid: true, EFI: true} }),
		with(28, func(f *audit.Facts) { f.Session.Boot = &bmc.Boot{Device: bmc.PXE, Valid: true}; f.Busy = true }),
		tls(29, func(f *audit.Facts) { f.Session.MustReset = true }),
		{Host: "web30", NoBMC: true},
		with(31, func(f *audit.Facts) { f.NoTLS = "remote error: tls: handshake failure" }),
		{Address: "10.77.0.231", Unlisted: "leased to 3c:ec:ef:10:20:31, speaks IPMI"},
		{Address: "10.77.0.232"}, // another box: nothing answers there
	}
}

// TestRack: every kind of finding, ranked, as text and as JSON.
func TestRack(t *testing.T) {
	a := provision.Audit{At: day, BMCs: 32, Findings: audit.Rank(audit.Judge(rack(), day))}
	seen := map[string]bool{}
	for _, f := range a.Findings {
		seen[f.Kind] = true
	}
	for _, k := range audit.Kinds() {
		if !seen[k.Kind] {
			t.Errorf("no BMC of the rack has the fault %s", k.Kind)
		}
	}
	golden(t, "rack", a)
}

// golden compares an audit's text and JSON with the files of a name.
func golden(t *testing.T, name string, a provision.Audit) {
	t.Helper()
	var text bytes.Buffer
	local := a
	local.At = time.Date(2026, 12, 1, 12, 0, 0, 0, time.Local) // people see their own time
	if err := show.Audit(&text, local); err != nil {
		t.Fatal(err)
	}
	data, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for path, got := range map[string][]byte{name + ".txt": text.Bytes(), name + ".json": append(data, '\n')} {
		path = filepath.Join("testdata", path)
		if *update {
			if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, got, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is another one (-update writes it): %v\n%s", path, err, got)
		}
	}
}

func TestGood(t *testing.T) {
	if got := audit.Judge([]audit.Facts{good(1), with(2, secure)}, day); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}
