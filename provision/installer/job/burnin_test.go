package job

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	smart "github.com/anatol/smart.go"
	"github.com/google/go-cmp/cmp"

	"rackhand/provision/installer/fake"
)

// The sums in cpu.go come from another program: this processor must agree.
func TestRound(t *testing.T) {
	if kind := round(); kind != "" {
		t.Errorf("the arithmetic of a round goes wrong: %s", kind)
	}
}

// TestMemoryFindsFaults plays bad memory: a bit that is stuck, and an address line
// that is shorted, so that two words are one.
func TestMemoryFindsFaults(t *testing.T) {
	for name, spoil := range map[string]func(words []uint64){
		"a bit stuck at one":     func(w []uint64) { w[77] |= 1 << 13 },
		"a bit stuck at zero":    func(w []uint64) { w[77] &^= 1 << 13 },
		"a shorted address line": func(w []uint64) { w[64+7] = w[7] },
		"two words coupled":      func(w []uint64) { w[9] ^= w[8] >> 63 },
	} {
		words := make([]uint64, 128)
		s := span{words, 1 << 20}
		var found []string
		for _, p := range patterns(3) {
			s.fill(p)
			spoil(words)
			s.check(p, func(uint64, uint64, uint64) { found = append(found, p.name) })
		}
		if len(found) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}

func TestPasses(t *testing.T) {
	spans := []span{{make([]uint64, 512), 0}, {make([]uint64, 512), 512}}
	clk := &fake.Clock{Time: time.Unix(0, 0)}
	told := 0
	done, errs, first := passes(t.Context(), spans, time.Unix(10, 0), clk.Now, func(float64, int) {
		told++
		_ = clk.Sleep(context.Background(), time.Second)
	})
	// A pass has six patterns of a second each; the eleventh begins when ten are over.
	if told != 11 || done < 1.8 || done > 1.9 || errs != 0 || first != nil {
		t.Errorf("%d patterns, %.2f passes, %d errors %v", told, done, errs, first)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if done, _, _ := passes(over, spans, time.Unix(1<<40, 0), clk.Now, func(float64, int) {}); done != 0 {
		t.Errorf("after it was cancelled: %.1f passes", done)
	}
}

// A scratched disk can't be read at some places.
type badSectorDisk struct {
	size int64
	bad  map[int64]bool // MiB
}

func (s badSectorDisk) ReadAt(p []byte, off int64) (int, error) {
	if s.bad[off>>20] {
		return 0, &os.PathError{Op: "read", Path: "/dev/sda", Err: errors.New("input/output error")}
	}
	n := min(int64(len(p)), s.size-off)
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

func TestSurface(t *testing.T) {
	const mb = 1 << 20
	never, tell := func() bool { return false }, func() {}
	var r diskReport
	readSurface(t.Context(), badSectorDisk{10*mb + 512, map[int64]bool{3: true, 7: true}}, 10*mb+512, &r, never, tell)
	if r.ReadErrors != 2 || r.ReadBytes != 8*mb+512 || len(r.First) != 2 || !strings.Contains(r.First[0], "byte 3145728") {
		t.Errorf("%+v", r)
	}
	all := map[int64]bool{}
	for i := range int64(200) {
		all[i] = true
	}
	r = diskReport{}
	readSurface(t.Context(), badSectorDisk{200 * mb, all}, 200*mb, &r, never, tell)
	if r.ReadErrors != maxReadErrors {
		t.Errorf("a disk that is broken throughout: %d errors", r.ReadErrors)
	}
	r = diskReport{}
	readSurface(t.Context(), badSectorDisk{size: 10 * mb}, 10*mb, &r, func() bool { return r.ReadBytes >= 4*mb }, tell)
	if r.ReadBytes != 4*mb {
		t.Errorf("when the time is over, %d bytes were read", r.ReadBytes)
	}
}

func TestSMART(t *testing.T) {
	attr := func(current uint8, raw byte) smart.AtaSmartAttr {
		return smart.AtaSmartAttr{Current: current, VendorBytes: [6]byte{raw, 0, 0, 0, 9, 9}}
	}
	page := &smart.AtaSmartPage{Attrs: map[uint8]smart.AtaSmartAttr{
		1: attr(40, 0), 5: attr(100, 3), 9: attr(90, 200), 194: attr(60, 41), 197: attr(100, 2), 199: attr(100, 1),
	}}
	h := sataHealth(page, &smart.AtaSmartThresholdsPage{Thresholds: map[uint8]uint8{1: 44, 5: 10, 194: 0}})
	if h.Reallocated != 3 || h.Pending != 2 || h.Hours != 200 || h.Celsius != 41 || h.Uncorrected != -1 {
		t.Errorf("%+v", h)
	}
	want := []string{"SMART attribute 1 is at 40, its limit is 44", "2 sectors wait to be reallocated"}
	if diff := cmp.Diff(want, h.findings()); diff != "" {
		t.Error(diff)
	}
	if got := h.remarks(); len(got) != 2 {
		t.Errorf("remarks: %q", got)
	}
	later := h
	later.Pending, later.Reallocated = 0, 5
	if n := later.grownSince(h); n != 2 {
		t.Errorf("grown by %d", n)
	}
	var log smart.NvmeSMARTLog
	log.CritWarning, log.Temperature, log.PercentUsed = 4, 313, 90
	log.MediaErrors.Val[0] = 7
	n := nvmeHealth(&log)
	if n.Celsius != 40 || len(n.findings()) != 2 || len(n.remarks()) != 1 {
		t.Errorf("%+v", n)
	}
	if v := askHealth("vda"); v.Kind != "" || !strings.Contains(v.String(), "virtual") || len(v.findings()) != 0 {
		t.Errorf("a virtual disk: %+v", v)
	}
}

func TestKernelReport(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("proc/interrupts", "           CPU0       CPU1\n NMI:   0   0   Non-maskable\n MCE:   1   0   Machine check exceptions\n MCP:   5   5   Machine check polls\n")
	write("sys/devices/system/edac/mc/mc0/ce_count", "4\n")
	write("sys/devices/system/edac/mc/mc0/ue_count", "0\n")
	before := readKernel(root)
	before.lines = []string{"<3>[    1.0] an old error"}
	write("proc/interrupts", " MCE:   1   2   Machine check exceptions\n")
	write("sys/devices/system/edac/mc/mc0/ce_count", "6\n")
	after := readKernel(root)
	after.lines = []string{
		"<3>[    1.0] an old error", "<6>[    2.0] a word", "<3>[    3.0] ata1: failed",
		"<0>[    4.0] mce: [Hardware Error]: CPU 1", "no level", "<999999999999999999999>x",
	}
	got := after.since(before)
	if got.MachineChecks != 2 || got.Corrected != 2 || got.Uncorrected != 0 {
		t.Errorf("%+v", got)
	}
	if !slices.Equal(got.Messages, []string{"ata1: failed"}) || len(got.Hardware) != 1 {
		t.Errorf("%q %q", got.Messages, got.Hardware)
	}
}

func TestCelsius(t *testing.T) {
	sys := t.TempDir()
	for file, text := range map[string]string{
		"hwmon0/name": "nvme", "hwmon0/temp1_input": "77000", "hwmon1/name": "coretemp", "hwmon1/temp1_input": "41000", "hwmon1/temp2_input": "255000",
	} {
		path := filepath.Join(sys, "class/hwmon", file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := celsius(sys); got != 41 {
		t.Errorf("%d °C", got)
	}
}

func TestJudge(t *testing.T) {
	good := burninReport{
		Memory: memoryReport{TestedBytes: 1 << 30, Passes: 2}, CPU: cpuReport{Cores: 2, Rounds: 100},
		Disks:  []diskReport{{Disk: "sda", Bytes: 100, ReadBytes: 100, SMART: unknownHealth("", "none")}},
		Kernel: kernelReport{Corrected: -1, Uncorrected: -1},
	}
	for name, c := range map[string]struct {
		change            func(*burninReport)
		findings, remarks int
	}{
		"nothing":         {func(*burninReport) {}, 0, 0},
		"memory":          {func(r *burninReport) { r.Memory.Errors = 1 }, 1, 0},
		"no whole pass":   {func(r *burninReport) { r.Memory.Passes = 0.3 }, 0, 1},
		"processor":       {func(r *burninReport) { r.CPU.Errors = 1 }, 1, 0},
		"heat":            {func(r *burninReport) { r.CPU.Throttled = 3 }, 0, 1},
		"a disk's place":  {func(r *burninReport) { r.Disks = []diskReport{{Disk: "sda", Bytes: 9, ReadErrors: 1}} }, 1, 0},
		"read in part":    {func(r *burninReport) { r.Disks = []diskReport{{Disk: "sda", Bytes: 9, ReadBytes: 3}} }, 0, 1},
		"machine check":   {func(r *burninReport) { r.Kernel.MachineChecks = 1 }, 1, 0},
		"ECC, corrected":  {func(r *burninReport) { r.Kernel.Corrected = 1 }, 0, 1},
		"ECC, not":        {func(r *burninReport) { r.Kernel.Uncorrected = 1 }, 1, 0},
		"kernel messages": {func(r *burninReport) { r.Kernel.Messages = []string{"x"} }, 0, 1},
	} {
		r := good
		c.change(&r)
		r.judge()
		if len(r.Findings) != c.findings || len(r.Remarks) != c.remarks {
			t.Errorf("%s: findings %q, remarks %q", name, r.Findings, r.Remarks)
		}
	}
}
