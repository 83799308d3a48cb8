package installer

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"rackhand/provision/installer/bmcsetup"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// bmcLimit bounds the setup of the BMC, which must not hold up an install.
const bmcLimit = 90 * time.Second

// fetchBMC gets the settings of the box's BMC, if there is a URL for them. Without them the
// install continues.
func (m *machine) fetchBMC(ctx context.Context, url string, cards http.Header, r *plan.Recipe) {
	if url == "" {
		return
	}
	got, err := report.Fetch(ctx, m.client, m.clk, url, cards, 4096, 5)
	s := &bmcsetup.Settings{}
	if err == nil {
		err = json.Unmarshal(got.Data, s)
	}
	if err != nil {
		m.bmcFailed("fetch its settings: " + err.Error())
		return
	}
	m.bmc = s
	m.hide(r)
}

// setUpBMC sets up the box's own BMC and reports each change. A failure is a warning.
func (m *machine) setUpBMC(ctx context.Context) {
	if m.bmc == nil {
		return
	}
	_ = m.timed("BMC", func() error {
		ctx, cancel := context.WithTimeout(ctx, bmcLimit)
		defer cancel()
		dev, err := bmcsetup.Open(ctx, m.load, m.clk.Sleep)
		if err != nil {
			m.bmcFailed(err.Error())
			return nil
		}
		defer dev.Close()
		m.setUpBMCBy(ctx, dev)
		return nil
	})
}

func (m *machine) setUpBMCBy(ctx context.Context, dev bmcsetup.Device) {
	changed, err := bmcsetup.Run(ctx, dev, *m.bmc, m.clk.Sleep)
	message := "the BMC has its address, its account and IPMI over LAN already: nothing was written"
	switch {
	case len(changed) > 0:
		message = "set on the BMC: " + strings.Join(changed, "; ")
	case err != nil:
		message = ""
	}
	if message != "" {
		m.Event(report.Event{Kind: "bmc-setup", Message: message})
	}
	if err != nil {
		m.bmcFailed(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

func (m *machine) bmcFailed(why string) {
	m.Event(report.Event{Kind: "bmc-setup-failed", Level: "warn", Message: "the BMC is not set up as the inventory has it: " + why})
}
