package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"rackhand/provision/installer/hardware"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// A burninReport is the result of a burn-in, kept with the job as JSON.
type burninReport struct {
	Host     string       `json:"host"`
	Job      string       `json:"job"`
	Started  time.Time    `json:"started"`
	Ended    time.Time    `json:"ended"`
	Minutes  int          `json:"minutes"` // as ordered
	Memory   memoryReport `json:"memory"`
	CPU      cpuReport    `json:"cpu"`
	Disks    []diskReport `json:"disks"`
	Kernel   kernelReport `json:"kernel"`
	Findings []string     `json:"findings"` // what fails the box
	Remarks  []string     `json:"remarks"`  // what the operator should know
}

// The share of the ordered time for each part. Memory comes first, because bad memory makes
// all other results doubtful.
const (
	memoryShare = 0.5
	cpuShare    = 0.25
)

// burnin tries memory, processor and disks one after the other. It writes to no disk.
func (m *Runner) burnin(ctx context.Context, o order, disks []plan.Disk, mods *hardware.ModuleLoader, keep func(any) error) (outcome, error) {
	for _, name := range []string{"msr", "coretemp", "k10temp", "edac_mce_amd", "amd64_edac", "skx_edac", "i10nm_edac", "ie31200_edac", "sb_edac"} {
		mods.Load(name) // those that the initramfs holds and the machine takes
	}
	total := time.Duration(o.Minutes) * time.Minute
	r := burninReport{Host: o.Host, Job: o.ID, Started: m.Clk.Now(), Minutes: o.Minutes, Findings: []string{}, Remarks: []string{}}
	before := readKernel("/")

	m.Event(report.Event{Kind: "burnin-memory", Message: fmt.Sprintf("memory: tried for %v at most", part(total, memoryShare))})
	var err error
	if r.Memory, err = m.testMemory(ctx, m.Clk.Now().Add(part(total, memoryShare))); err != nil {
		return outcome{}, err
	}
	m.Event(report.Event{Kind: "burnin-memory-done", Level: levelOf(r.Memory.Errors), Message: r.Memory.String()})

	m.Event(report.Event{Kind: "burnin-cpu", Message: fmt.Sprintf("processor: tried for %v", part(total, cpuShare))})
	if r.CPU, err = m.testCPU(ctx, m.Clk.Now().Add(part(total, cpuShare))); err != nil {
		return outcome{}, err
	}
	m.Event(report.Event{Kind: "burnin-cpu-done", Level: levelOf(r.CPU.Errors), Message: r.CPU.String()})

	m.Event(report.Event{Kind: "burnin-disks", Message: fmt.Sprintf("disks: read for %v at most; %s", part(total, 1-memoryShare-cpuShare), foundText(disks))})
	r.Disks = m.testDisks(ctx, disks, m.Clk.Now().Add(part(total, 1-memoryShare-cpuShare)))
	if context.Cause(ctx) != nil {
		return outcome{}, context.Cause(ctx)
	}
	for _, d := range r.Disks {
		m.Event(report.Event{Kind: "burnin-disk", Level: levelOf(d.ReadErrors), Message: d.String()})
	}
	r.Kernel = readKernel("/").since(before)
	r.Ended = m.Clk.Now()
	r.judge()
	if err := keep(r); err != nil {
		m.Warnf("%v", err)
	}
	if len(r.Findings) > 0 {
		return outcome{}, errors.New("the burn-in found: " + strings.Join(r.Findings, "; "))
	}
	text := fmt.Sprintf("the burn-in found nothing wrong: %s; %s; %d disks", r.Memory, r.CPU, len(r.Disks))
	if len(r.Remarks) > 0 {
		text += "; " + strings.Join(r.Remarks, "; ")
	}
	return outcome{text, "reboot"}, nil
}

func part(total time.Duration, share float64) time.Duration {
	return time.Duration(float64(total) * share).Round(time.Second)
}

func levelOf(errors int) string {
	if errors > 0 {
		return "error"
	}
	return ""
}

// judge fills in the findings, which fail the box, and the remarks. It is pure.
func (r *burninReport) judge() {
	find := func(format string, args ...any) { r.Findings = append(r.Findings, fmt.Sprintf(format, args...)) }
	remark := func(format string, args ...any) { r.Remarks = append(r.Remarks, fmt.Sprintf(format, args...)) }
	if n := r.Memory.Errors; n > 0 {
		find("memory: %d words read back differently: %s", n, strings.Join(r.Memory.First, ", "))
	}
	if r.Memory.Passes < 1 {
		remark("the time was enough for %.1f passes over the memory: give it more --minutes", r.Memory.Passes)
	}
	if n := r.CPU.Errors; n > 0 {
		find("processor: %d wrong results, on %s", n, strings.Join(r.CPU.Wrong, ", "))
	}
	if r.CPU.Throttled > 0 {
		remark("the processor slowed itself down for heat %d times", r.CPU.Throttled)
	}
	for _, d := range r.Disks {
		if d.ReadErrors > 0 {
			find("disk %s (serial %s): %d places can't be read: %s", d.Disk, cmp.Or(d.Serial, "unknown"), d.ReadErrors, strings.Join(d.First, ", "))
		}
		if d.ReadBytes < d.Bytes && d.ReadErrors == 0 {
			remark("disk %s was read to %d%% in the time", d.Disk, 100*d.ReadBytes/max(d.Bytes, 1))
		}
		for _, f := range d.SMART.findings() {
			find("disk %s (serial %s): %s", d.Disk, cmp.Or(d.Serial, "unknown"), f)
		}
		for _, f := range d.SMART.remarks() {
			remark("disk %s (serial %s): %s", d.Disk, cmp.Or(d.Serial, "unknown"), f)
		}
	}
	if n := r.Kernel.MachineChecks; n > 0 {
		find("the kernel saw %d machine checks: %s", n, strings.Join(r.Kernel.Hardware, " / "))
	} else if len(r.Kernel.Hardware) > 0 {
		find("the kernel reports hardware errors: %s", strings.Join(r.Kernel.Hardware, " / "))
	}
	if n := r.Kernel.Uncorrected; n > 0 {
		find("%d memory errors that ECC could not correct", n)
	}
	if n := r.Kernel.Corrected; n > 0 {
		remark("%d memory errors that ECC corrected", n)
	}
	if n := len(r.Kernel.Messages); n > 0 {
		remark("%d kernel messages of level error meanwhile, the first: %s", n, r.Kernel.Messages[0])
	}
}

// each runs f for 0..n-1 in parallel and waits for all.
func each(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}
