package appliance

import (
	"rackhand/provision/bmc/scan"
	"rackhand/provision/diagnosis"
	"rackhand/provision/operate"
	"rackhand/provision/prefetch"
)

// newOperator ties what carries out the operator's requests to the parts.
func (a *Appliance) newOperator() *operate.Operator {
	ahead := prefetch.Prefetcher{Mirror: a.mirror, Config: a.cfg, Facts: a.factsOf}
	return &operate.Operator{
		Journal: a.journal, Snapshot: a.holder.Current, Handout: a.handout, Appliance: a.urls, Settings: a.cfg.Install, Secret: a.secrets.Get,
		Authority: a.ca,
		BMC:       a.bmc, Scan: scan.Scanner{}.Run, BMCs: hostBMCs{a}, Memory: a.bmcMemory, Consoles: a.consoles, Polled: a.poller.States, Audit: a.audits.Audit, Fetch: ahead.Fetch, MirrorList: a.mirror.List, Forget: a.mirror.Forget,
		Problems: a.problems, Database: a.keeper.Stats, Runs: a.reports.Runs,
		Diagnosis: diagnosis.New(a.journal),
		Orders:    a.orders, Now: a.Clock,
	}
}
