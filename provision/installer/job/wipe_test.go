package job

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rackhand/provision/installer/disk"
	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

func TestWipeDisks(t *testing.T) {
	found := []plan.Disk{{Name: "sda", Serial: "S1", WWN: "naa.5", Links: []string{"disk/by-path/x"}}, {Name: "sdb", Serial: "S2"}, {Name: "nvme0n1", Serial: "S2"}}
	for _, c := range []struct {
		words []string
		want  string // names, or a part of the error after a !
	}{
		{nil, "sda sdb nvme0n1"},
		{[]string{"sda"}, "sda"},
		{[]string{"/dev/sdb", "S1"}, "sdb sda"},
		{[]string{"naa.5"}, "sda"},
		{[]string{"/dev/disk/by-path/x"}, "sda"},
		{[]string{"S2"}, `!"S2" matches 2 disks`},
		{[]string{"sd"}, `!"sd" matches 0 disks`},
		{[]string{"sda", "S1"}, "!named already"},
		{[]string{""}, "!0 disks"},
	} {
		// An empty word must not mean disks without a WWN.
		got, err := wipeDisks(found, c.words)
		var names []string
		for _, d := range got {
			names = append(names, d.Name)
		}
		text := strings.Join(names, " ")
		if err != nil {
			text = "!" + err.Error()
		}
		if want, bad := strings.CutPrefix(c.want, "!"); bad != (err != nil) || !strings.Contains(text, want) {
			t.Errorf("%q: %s, want %s", c.words, text, c.want)
		}
	}
	// A backup on USB is not one of the box's disks, unless somebody names it.
	usb := []plan.Disk{{Name: "sda"}, {Name: "sdb", USB: true}}
	if got, err := wipeDisks(usb, nil); err != nil || len(got) != 1 || got[0].Name != "sda" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := wipeDisks(usb, []string{"sdb"}); err != nil || len(got) != 1 || got[0].Name != "sdb" {
		t.Errorf("%v, %v", got, err)
	}
	if got := notErasedText(usb, []string{"0000:03:00.0 (1000:005d)"}); !strings.Contains(got, "name them: sdb") || strings.Contains(got, "sda") || !strings.Contains(got, "NOT erased") || !strings.Contains(got, "(1000:005d); ") {
		t.Errorf("%s", got)
	}
	if got := notErasedText(usb[:1], nil); got != "" {
		t.Errorf("%s", got)
	}
	if _, err := wipeDisks(usb[1:], nil); err == nil {
		t.Error("nothing was erased, and it is a wipe that went well")
	}
	if _, err := wipeDisks(nil, nil); err == nil {
		t.Error("no disk at all is a wipe that went well")
	}
}

// TestWipeLeftLocked: a write-protected disk is in no list of disks to install to, and a
// wipe of all that left it would be called done.
func TestWipeLeftLocked(t *testing.T) {
	clk := &fake.Clock{}
	m := &Runner{Log: report.Log{Con: report.NewConsole(clk.Now, report.NewRedactor().Clean)}, Clk: clk}
	m.Rep = report.NewReporter("", nil, clk, report.NewRedactor().Clean, fake.NoLog)
	var kept any
	report := func(v any) error { kept = v; return nil }
	good := disk.Erasure{Disk: "sda", Bytes: 1 << 30, Method: "zeroes", Verified: true, Samples: 512}
	if _, err := m.wiped([]disk.Erasure{good}, report); err != nil {
		t.Fatal(err)
	}
	_, err := m.wiped(append([]disk.Erasure{good}, lockedDisks([]plan.Disk{{Name: "sdb", Size: 1 << 30, Serial: "S2"}})...), report)
	if err == nil || !strings.Contains(err.Error(), "sdb (1.1 GB, serial S2) was NOT erased: it is write-protected") || strings.Contains(err.Error(), "sda") {
		t.Errorf("%v", err)
	}
	if text := fmt.Sprintf("%+v", kept); !strings.Contains(text, "sdb") || !strings.Contains(text, "sda") {
		t.Errorf("the record: %s", text)
	}
}

func TestDiskProgress(t *testing.T) {
	done := make([]atomic.Int64, 2)
	done[0].Store(1e9)
	got := diskProgress([]plan.Disk{{Name: "sda", Size: 4e9}, {Name: "sdb", Size: 2e9}}, done, 10*time.Second)
	if want := "sda 1.0 of 4.0 GB (25%), sdb 0.0 of 2.0 GB (0%); 100 MB/s, about 30s to go"; got != want {
		t.Errorf("%s", got)
	}
}

func TestPace(t *testing.T) {
	now, told := time.Unix(0, 0), 0
	var p eventPace
	for range 3 * 24 * 3600 {
		if p.due(now) {
			told++
		}
		now = now.Add(time.Second)
	}
	// An installer may write 5,000 events, and is given up after two hours of silence.
	if told < 3*24*2 || told > 1000 {
		t.Errorf("%d events in three days", told)
	}
}

func TestReadOrder(t *testing.T) {
	for text, bad := range map[string]string{
		`{"job":"wipe","disks":["sda"]}`:         "",
		`{"job":"burnin"}`:                       "and the appliance",
		`{"job":""}`:                             "and the appliance",
		`nonsense`:                               "read the order",
		`{"job":"wipe","minutes":"many"}`:        "read the order",
		`{"job":"wipe","disks":{"sda":"really"}`: "read the order",
	} {
		_, err := readOrder([]byte(text), "wipe")
		if (err != nil) != (bad != "") || bad != "" && !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := readOrder([]byte(`{"job":"explode"}`), "explode"); err == nil {
		t.Error("a job of another version is begun")
	}
	if _, err := readOrder([]byte(`{"job":"rescue"}`), "rescue"); err == nil {
		t.Error("a rescue without a key")
	}
}

func TestEndOf(t *testing.T) {
	for _, c := range []struct {
		job  string
		err  error
		want string
	}{
		{wipeJob, errCancelled, "poweroff"},
		{wipeJob, io.EOF, "poweroff"},
		{burninJob, io.EOF, "poweroff"},
		{burninJob, fmt.Errorf("x: %w", errCancelled), "reboot"},
		{rescueJob, io.EOF, "reboot"},
	} {
		if got := endAfterFailure(c.job, c.err); got != c.want {
			t.Errorf("%s after %v: %s", c.job, c.err, got)
		}
	}
}
