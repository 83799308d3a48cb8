// Package job carries out the jobs for which a box boots instead of an install: a
// rescue shell over ssh, erasing its disks, or a burn-in.
package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"rackhand/provision/installer/hardware"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// An order says what a job is to do: the appliance's answer to rackhand.order=URL.
type order struct {
	ID      string   `json:"id"`
	Host    string   `json:"host"`
	Job     string   `json:"job"`     // rescue, wipe or burnin, as rackhand.job= says
	Keys    []string `json:"keys"`    // for a rescue: public keys, as in authorized_keys(5)
	Disks   []string `json:"disks"`   // for a wipe: names, serial numbers or WWNs; empty for all
	Minutes int      `json:"minutes"` // for a burn-in

	alive string // URL that says whether the job is still wanted
}

const (
	rescueJob = "rescue"
	wipeJob   = "wipe"
	burninJob = "burnin"
)

// errCancelled ends a job that the operator has cancelled.
var errCancelled = errors.New("the operator has cancelled it")

// A Runner carries a job out on this machine.
type Runner struct {
	report.Log
	Clk    report.Clock
	Client *http.Client
}

// Settings are a job's arguments on the kernel's command line.
type Settings struct {
	Job     string           // rackhand.job=rescue|wipe|burnin
	Order   string           // rackhand.order=URL: where the job asks for its order
	Report  string           // rackhand.report=URL
	BootMAC net.HardwareAddr // nil when unknown
	VLAN    hardware.VLAN
	Hold    time.Duration // how long a failure stays on the screen
}

// Run carries the job out, reports how it ended, and returns how the box is to end:
// "reboot" or "poweroff".
func (m *Runner) Run(ctx context.Context, conf Settings) (end string) {
	m.Con.Printf("job: %s", conf.Job)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, err := m.job(ctx, cancel, conf)
	switch {
	case errors.Is(err, errCancelled) || errors.Is(context.Cause(ctx), errCancelled):
		m.Con.Printf("%s: %v", conf.Job, errCancelled)
	case err != nil:
		m.Con.Printf("FAILED: %v", err)
		// Not the job's context: a failure is reported, too.
		ctx := context.WithoutCancel(ctx)
		if e := m.Rep.Last(ctx, report.Event{Stage: "failed", Kind: "job-failed", Level: "error", Message: err.Error()}, 10*time.Minute); e != nil {
			m.Con.Printf("the report to the appliance failed: %v", e)
		}
		_ = m.Clk.Sleep(ctx, conf.Hold)
	default:
		m.Con.Printf("%s", out.message)
		if e := m.Rep.Last(ctx, report.Event{Stage: "done", Kind: "job-done", Message: out.message}, 10*time.Minute); e != nil {
			m.Con.Printf("the report to the appliance failed: %v", e)
		}
		return out.end
	}
	return endAfterFailure(conf.Job, err)
}

// An outcome is how a job that went well ended, in a sentence, and how the box ends.
type outcome struct{ message, end string }

// endAfterFailure says how a box ends after a job that was cancelled or failed. After a wipe there is
// nothing to boot. After a burn-in that found bad memory or disks somebody has to look at the
// box first. All others boot their disk.
func endAfterFailure(job string, err error) string {
	if job == wipeJob || job == burninJob && !errors.Is(err, errCancelled) {
		return "poweroff"
	}
	return "reboot"
}

func (m *Runner) job(ctx context.Context, cancel context.CancelCauseFunc, conf Settings) (outcome, error) {
	mods, err := hardware.LoadModules(conf.VLAN.ID > 0, m.Con.Printf)
	if err != nil {
		return outcome{}, err
	}
	net, err := hardware.BringUp(ctx, conf.BootMAC, conf.VLAN, mods.Settle, m.Con.Printf)
	if err != nil {
		hardware.ReportMissingDrivers(m.Log, hardware.PCINetwork, false)
		return outcome{}, err
	}
	m.Con.Printf("network card %s has %s", net.NIC, &net.Address)
	order, err := m.fetchOrder(ctx, conf)
	if err != nil {
		return outcome{}, err
	}
	disks, err := m.waitForDisks(ctx, mods.Settle)
	if err != nil {
		return outcome{}, err
	}
	// The report comes before the job: the appliance may refuse it, and without a report
	// it would start the job again at the next boot.
	begun := report.Event{Stage: "installer", Kind: "started", Message: order.Job + " begins; " + foundText(disks)}
	if err := m.Rep.Post(ctx, begun, m.Clk.Now().Add(5*time.Minute)); err != nil {
		return outcome{}, fmt.Errorf("the appliance does not let it begin: %w", err)
	}
	hardware.LinkDisks("/dev", disks)
	hardware.ReportMissingDrivers(m.Log, hardware.PCIStorage, true)
	order.alive = siblingURL(conf.Report, "alive")
	go m.watch(ctx, cancel, order.alive)
	keep := func(v any) error { return m.postReport(ctx, siblingURL(conf.Report, "report"), v) }
	switch order.Job {
	case wipeJob:
		return m.wipe(ctx, order, disks, keep)
	case burninJob:
		return m.burnin(ctx, order, disks, mods, keep)
	}
	for _, fs := range []string{"xfs", "btrfs", "dm_mod", "md_mod", "raid0", "raid1", "raid10", "raid456"} {
		mods.Load(fs) // drivers of file systems and the like; missing ones are ignored
	}
	return m.rescue(ctx, order, disks, net)
}

// fetchOrder asks the appliance for the order. The answer must agree with the kernel's
// command line, so that one of them alone can't make a box erase its disks.
func (m *Runner) fetchOrder(ctx context.Context, conf Settings) (order, error) {
	got, err := report.Fetch(ctx, m.Client, m.Clk, conf.Order, nil, 64<<10, 40)
	if err != nil {
		return order{}, fmt.Errorf("ask for the order: %w", err)
	}
	hardware.SetClock(m.Log, m.Clk, got.Date) // a record of erased disks bears a date
	return readOrder(got.Data, conf.Job)
}

func readOrder(text []byte, job string) (order, error) {
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return o, fmt.Errorf("read the order: %w", err)
	}
	switch {
	case o.Job != job:
		return o, fmt.Errorf("the command line says %.20q and the appliance %.20q: nothing was done", job, o.Job)
	case job != rescueJob && job != wipeJob && job != burninJob:
		return o, fmt.Errorf("this installer doesn't know the job %.20q: rebuild the image's installer (rackhand image build NAME --if-missing)", job)
	case job == rescueJob && len(o.Keys) == 0:
		return o, errors.New("a rescue needs at least one key, or no one can log in")
	}
	return o, nil
}

// watch cancels a job that the appliance no longer wants. An appliance that can't be reached
// cancels nothing.
func (m *Runner) watch(ctx context.Context, cancel context.CancelCauseFunc, url string) {
	for m.Clk.Sleep(ctx, 10*time.Second) == nil {
		if m.cancelled(ctx, url) {
			cancel(errCancelled)
			return
		}
	}
}

// cancelled reports whether the appliance says that the job was cancelled.
func (m *Runner) cancelled(ctx context.Context, url string) bool {
	_, _, err := report.FetchOnce(ctx, m.Client, m.Clk, url, nil, 4096)
	final := (*report.FinalError)(nil)
	return errors.As(err, &final) && strings.Contains(final.Message, "403")
}

// postReport sends the JSON that the appliance keeps with the job.
func (m *Runner) postReport(ctx context.Context, url string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var last error
	for n := range 20 {
		status, err := m.postJSON(ctx, url, body)
		switch {
		case err == nil && status < 300:
			return nil
		case err == nil && !report.Transient(status):
			return fmt.Errorf("the report was not kept: the appliance answers %d", status)
		case err == nil:
			err = fmt.Errorf("the appliance answers %d", status)
		}
		last = err
		if m.Clk.Sleep(ctx, report.Backoff(n)) != nil {
			break
		}
	}
	return fmt.Errorf("the report was not kept: %w", last)
}

func (m *Runner) postJSON(ctx context.Context, url string, body []byte) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := m.Client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, nil
}

// siblingURL returns a URL in the same folder as the events' URL.
func siblingURL(report, name string) string {
	return strings.TrimSuffix(report, "/event") + "/" + name
}

// waitForDisks waits for slow controllers until no disk has appeared for three seconds. A box
// may have no disk.
func (m *Runner) waitForDisks(ctx context.Context, scan func()) ([]plan.Disk, error) {
	var disks []plan.Disk
	for still := 0; still < 12; still++ {
		scan()
		now := hardware.FindDisks("/sys")
		if len(now) != len(disks) {
			still = 0
		}
		disks = now
		if err := m.Clk.Sleep(ctx, 250*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return disks, nil
}

func foundText(disks []plan.Disk) string {
	if len(disks) == 0 {
		return "no disk was found"
	}
	var names []string
	for _, d := range disks {
		names = append(names, d.String())
	}
	return "disks: " + strings.Join(names, ", ")
}

// An eventPace says when progress is worth an event: often at first, then less and less often, so
// that a job of several days writes a few hundred.
type eventPace struct{ begun, last time.Time }

func (p *eventPace) due(now time.Time) bool {
	if p.begun.IsZero() {
		p.begun, p.last = now, now
		return false
	}
	wait := min(max(now.Sub(p.begun)/30, 5*time.Second), 20*time.Minute)
	if now.Sub(p.last) < wait {
		return false
	}
	p.last = now
	return true
}
