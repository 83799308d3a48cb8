package page_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

// audited gives the rack an audit of its BMCs.
func (f *fake) audited(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var many []provision.FaultyBMC
	for i := range 40 {
		many = append(many, provision.FaultyBMC{Host: fmt.Sprintf("node%d", i+1), Address: fmt.Sprintf("10.77.1.%d", i+1), Detail: "1, 2"})
	}
	f.audit = &provision.Audit{At: now.Add(-3 * time.Hour), BMCs: 43, Findings: []provision.Finding{
		{
			Severity: provision.Critical, Kind: "certificate-refused", What: "rackhand refuses the BMC's certificate.", Why: "It sends no password to a BMC whose certificate is unknown or has changed.",
			Remedy: provision.Remedy{Text: "Compare the fingerprint with the one on the BMC's own page. If it is the same:", Command: "rackhand set hosts.web2.bmc.fingerprint " + strings.Repeat("9f86d081", 8)},
			BMCs:   []provision.FaultyBMC{{Host: "web2", Address: "10.77.0.102", Detail: strings.Repeat("9f86d081", 8)}},
		},
		{
			Severity: provision.Warning, Kind: "weak-cipher-suites", What: "The BMC offers cipher suites without encryption, or with a weak one.", Why: "A program that asks for such a suite sends its commands readably.",
			Remedy: provision.Remedy{Text: "Keep only the cipher suites 17 and 3 enabled in the BMC's IPMI settings."}, BMCs: many,
		},
		{
			Severity: provision.Warning, Kind: "not-in-inventory", What: "A BMC answers at an address that is not in the inventory.", Why: "rackhand neither watches it nor knows its account.",
			Remedy: provision.Remedy{Text: "Find its box, and name the BMC in the inventory:", Command: "rackhand bmc add HOST 10.77.0.231"},
			BMCs:   []provision.FaultyBMC{{Address: "10.77.0.231", Detail: "leased to 3c:ec:ef:10:20:31, speaks IPMI"}},
		},
		{
			Severity: provision.Note, Kind: "clock-unreadable", What: "The BMC's clock can't be read.", Why: "The times in its event log can't be compared with those of other logs.",
			Remedy: provision.Remedy{Text: "Look at the clock on the BMC's page."}, BMCs: []provision.FaultyBMC{{Host: "web3", Detail: "<script>alert(1)</script>" + strings.Repeat("x", 300)}},
		},
	}}
}

// TestBMCs: the page shows the latest audit, escapes what BMCs say, and folds long lists. An
// audit that is shown isn't changed.
func TestBMCs(t *testing.T) {
	f := newFake()
	h := newPage(t, f)
	for _, path := range []string{"/bmc", "/fragment/bmc"} {
		if w := get(t, h, path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "not audited yet") {
			t.Errorf("%s without an audit: %d\n%s", path, w.Code, w.Body)
		}
	}
	f.audited(theTime())
	for range 2 {
		body := get(t, newPage(t, f), "/bmc").Body.String() // another page: the first one is kept for a second
		for _, want := range []string{
			"1 critical", "2 warnings", "1 note", "Audit of 43 BMCs", `<a href="/host/web2">web2</a>`, "All 40 BMCs", "10.77.0.231",
			"&lt;script&gt;", "xx…", "rackhand bmc audit", `href="/bmc" aria-current="page"`,
		} {
			if !strings.Contains(body, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
	}
	if body := get(t, h, "/").Body.String(); !strings.Contains(body, `<a href="/bmc">BMCs</a>`) {
		t.Error("the overview has no link to it")
	}
}
