package installer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A jobOrder is what the appliance wants of a box that it booted for a job instead
// of an install: the answer to rackhand.order=URL.
type jobOrder struct {
	ID      string   `json:"id"`
	Host    string   `json:"host"`
	Job     string   `json:"job"`     // rescue, wipe or burnin, as rackhand.job= says
	Keys    []string `json:"keys"`    // for a rescue: public keys, as in authorized_keys(5)
	Disks   []string `json:"disks"`   // for a wipe: names, serial numbers or WWNs; empty for all
	Minutes int      `json:"minutes"` // for a burn-in

	alive string // URL that says whether the job is still wanted
}

const (
	jobRescue = "rescue"
	jobWipe   = "wipe"
	jobBurnin = "burnin"
)

// errCancelled ends a job that the operator has cancelled.
var errCancelled = errors.New("the operator has cancelled it")

// runJob carries out what rackhand.job= names, tells how it ended, and says how the
// box ends.
func (m *machine) runJob(ctx context.Context, cmdline Cmdline) (end string) {
	m.con.printf("job: %s", cmdline.Job)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out, err := m.job(ctx, cancel, cmdline)
	switch {
	case errors.Is(err, errCancelled) || errors.Is(context.Cause(ctx), errCancelled):
		m.con.printf("%s: %v", cmdline.Job, errCancelled)
	case err != nil:
		m.con.printf("FAILED: %v", err)
		// Not the job's context: a failure must be told as well.
		ctx := context.WithoutCancel(ctx)
		if e := m.rep.last(ctx, Event{Stage: "failed", Kind: "job-failed", Level: "error", Message: err.Error()}, 10*time.Minute); e != nil {
			m.con.printf("the appliance could not be told: %v", e)
		}
		_ = m.clk.Sleep(ctx, cmdline.Hold)
	default:
		m.con.printf("%s", out.message)
		if e := m.rep.last(ctx, Event{Stage: "done", Kind: "job-done", Message: out.message}, 10*time.Minute); e != nil {
			m.con.printf("the appliance could not be told: %v", e)
		}
		return out.end
	}
	return endOf(cmdline.Job, err)
}

// An outcome is how a job that went well ended, in a sentence, and how the box ends.
type outcome struct{ message, end string }

// endOf says how a box ends whose job was cancelled or failed: one that was being
// wiped has nothing to boot, and one whose memory or disks were found bad is for
// somebody to look at before it serves again. Every other boots its disk.
func endOf(job string, err error) string {
	if job == jobWipe || job == jobBurnin && !errors.Is(err, errCancelled) {
		return "poweroff"
	}
	return "reboot"
}

func (m *machine) job(ctx context.Context, cancel context.CancelCauseFunc, cmdline Cmdline) (outcome, error) {
	prepareShell()
	mods, err := m.modules(cmdline)
	if err != nil {
		return outcome{}, err
	}
	net, err := bringUp(ctx, cmdline.BootMAC, cmdline.VLAN, mods.settle, m.con.printf)
	if err != nil {
		m.tellDoubts(pciNetwork, false)
		return outcome{}, err
	}
	m.con.printf("network card %s has %s", net.NIC, &net.Address)
	order, err := m.order(ctx, cmdline)
	if err != nil {
		return outcome{}, err
	}
	disks, err := m.waitDisks(ctx, mods.settle)
	if err != nil {
		return outcome{}, err
	}
	// Told first, and only then begun: an appliance that says no means it, and one
	// that was not told would hand the job out again.
	begun := Event{Stage: "installer", Kind: "started", Message: order.Job + " begins; " + foundText(disks)}
	if err := m.rep.post(ctx, begun, m.clk.Now().Add(5*time.Minute)); err != nil {
		return outcome{}, fmt.Errorf("the appliance does not let it begin: %w", err)
	}
	linkDisks("/dev", disks)
	m.tellDoubts(pciStorage, true)
	order.alive = sibling(cmdline.Report, "alive")
	go m.watch(ctx, cancel, order.alive)
	report := func(v any) error { return m.postReport(ctx, sibling(cmdline.Report, "report"), v) }
	switch order.Job {
	case jobWipe:
		return m.wipe(ctx, order, disks, report)
	case jobBurnin:
		return m.burnin(ctx, order, disks, mods, report)
	}
	for _, fs := range []string{"xfs", "btrfs", "dm_mod", "md_mod", "raid0", "raid1", "raid10", "raid456"} {
		mods.add(fs) // what a disk may carry; those that the initramfs lacks are left out
	}
	return m.rescue(ctx, order, disks, net)
}

// order asks what is to be done. It must be what the kernel's command line says:
// neither of the two alone makes a box erase its disks.
func (m *machine) order(ctx context.Context, cmdline Cmdline) (jobOrder, error) {
	got, err := fetch(ctx, m.client, m.clk, cmdline.Order, nil, 64<<10, 40)
	if err != nil {
		return jobOrder{}, fmt.Errorf("ask what is to be done: %w", err)
	}
	m.setClock(got.date) // a record of erased disks bears a date
	return readOrder(got.data, cmdline.Job)
}

func readOrder(text []byte, job string) (jobOrder, error) {
	var o jobOrder
	if err := json.Unmarshal(text, &o); err != nil {
		return o, fmt.Errorf("what is to be done: %w", err)
	}
	switch {
	case o.Job != job:
		return o, fmt.Errorf("the command line says %.20q and the appliance %.20q: nothing was done", job, o.Job)
	case job != jobRescue && job != jobWipe && job != jobBurnin:
		return o, fmt.Errorf("this installer knows no job %.20q: build the image's installer anew (rackhand image build NAME --if-missing)", job)
	case job == jobRescue && len(o.Keys) == 0:
		return o, errors.New("a rescue without a key is for nobody")
	}
	return o, nil
}

// watch cancels a job that the appliance no longer knows. One that is not reached
// has said nothing.
func (m *machine) watch(ctx context.Context, cancel context.CancelCauseFunc, url string) {
	for m.clk.Sleep(ctx, 10*time.Second) == nil {
		if m.unwanted(ctx, url) {
			cancel(errCancelled)
			return
		}
	}
}

// unwanted reports whether the appliance says that the job is no longer one.
func (m *machine) unwanted(ctx context.Context, url string) bool {
	_, _, err := fetchOnce(ctx, m.client, m.clk, url, nil, 4096)
	final := (*finalError)(nil)
	return errors.As(err, &final) && strings.Contains(final.message, "403")
}

// postReport hands over the JSON that is kept with the job.
func (m *machine) postReport(ctx context.Context, url string, v any) error {
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
		case err == nil && !transient(status):
			return fmt.Errorf("the report was not kept: the appliance answers %d", status)
		case err == nil:
			err = fmt.Errorf("the appliance answers %d", status)
		}
		last = err
		if m.clk.Sleep(ctx, backoff(n)) != nil {
			break
		}
	}
	return fmt.Errorf("the report was not kept: %w", last)
}

func (m *machine) postJSON(ctx context.Context, url string, body []byte) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := m.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, nil
}

// sibling is the URL beside that of the events.
func sibling(report, name string) string {
	return strings.TrimSuffix(report, "/event") + "/" + name
}

// waitDisks gives slow controllers a few seconds, and is done when no disk has come
// for three. A box without any is one, too.
func (m *machine) waitDisks(ctx context.Context, scan func()) ([]Disk, error) {
	var disks []Disk
	for still := 0; still < 12; still++ {
		scan()
		now := findDisks("/sys")
		if len(now) != len(disks) {
			still = 0
		}
		disks = now
		if err := m.clk.Sleep(ctx, 250*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return disks, nil
}

func foundText(disks []Disk) string {
	if len(disks) == 0 {
		return "no disk was found"
	}
	var names []string
	for _, d := range disks {
		names = append(names, d.String())
	}
	return "disks: " + strings.Join(names, ", ")
}

// A pace says when progress is worth an event: often at first, then more and more
// seldom, so that a job of days writes a few hundred.
type pace struct{ begun, last time.Time }

func (p *pace) due(now time.Time) bool {
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
