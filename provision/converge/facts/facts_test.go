package facts

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// write makes the files of a host below a root. A name that ends in a slash is a folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestGather(t *testing.T) {
	root := write(t, map[string]string{
		"etc/os-release":                 "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
		"proc/cpuinfo":                   "processor\t: 0\nmodel name\t: Xeon\nphysical id\t: 0\nflags\t: fpu vme\n\nprocessor\t: 1\nphysical id\t: 1\n",
		"proc/meminfo":                   "MemTotal:       16384 kB\nMemFree: 1 kB\nSwapTotal:  1024 kB\n",
		"sys/block/sda/size":             "2048\n",
		"sys/block/sda/device/model":     "Samsung SSD   \n",
		"sys/block/sda/device/serial":    "S1\n",
		"sys/block/sda/queue/rotational": "0\n",
		"sys/block/loop0/size":           "8\n",
		"sys/class/dmi/id/sys_vendor":    "Dell Inc.\n", "sys/class/dmi/id/product_serial": "ABC123\n",
		"sys/firmware/efi/": "",
	})
	f := Gather(t.Context(), root, Deadline)
	if f.OS == nil || *f.OS != (OS{ID: "debian", Version: "12", Codename: "bookworm", Name: "Debian GNU/Linux 12 (bookworm)"}) {
		t.Errorf("os: %+v", f.OS)
	}
	if f.CPU == nil || *f.CPU != (CPU{Model: "Xeon", Threads: 2, Sockets: 2}) || f.Memory == nil || *f.Memory != (Memory{Total: 16 << 20, Swap: 1 << 20}) {
		t.Errorf("cpu %+v, memory %+v", f.CPU, f.Memory)
	}
	if len(f.Disks) != 1 || f.Disks[0] != (Disk{Name: "sda", Bytes: 1 << 20, Model: "Samsung SSD", Serial: "S1"}) {
		t.Errorf("disks: %+v", f.Disks)
	}
	if f.DMI["vendor"] != "Dell Inc." || f.DMI["serial"] != "ABC123" || f.Virtual != "none" || f.BootMode != "uefi" || f.Kernel == nil || f.Kernel.Release == "" || len(f.Problems) > 0 {
		t.Errorf("%+v", f)
	}
}

func TestVirtual(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"systemd-nspawn": {"run/systemd/container": "systemd-nspawn\n", "sys/class/dmi/id/sys_vendor": "QEMU"},
		"docker":         {".dockerenv": ""},
		"qemu":           {"sys/class/dmi/id/sys_vendor": "QEMU\n"},
		"vmware":         {"sys/class/dmi/id/product_name": "VMware7,1\n"},
		"vm":             {"proc/cpuinfo": "flags: fpu hypervisor lahf_lm\n"},
		"none":           {"proc/cpuinfo": "flags: fpu\n"},
		"":               {},
	} {
		if got := (host{write(t, files)}).virtual(); got != want {
			t.Errorf("%v: %q, want %q", files, got, want)
		}
	}
}

// TestHangingSource: a source that hangs or fails costs its own facts alone.
func TestHangingSource(t *testing.T) {
	hang := make(chan bool)
	defer close(hang)
	f := gather(t.Context(), host{}, 50*time.Millisecond, []source{
		{"hangs", func(host) (func(*Facts), error) { <-hang; return func(f *Facts) { f.Virtual = "late" }, nil }},
		{"fails", func(host) (func(*Facts), error) { return nil, errors.New("input/output error") }},
		{"works", func(host) (func(*Facts), error) { return func(f *Facts) { f.BootMode = "bios" }, nil }},
	})
	if f.BootMode != "bios" || f.Virtual != "" || f.Problems["hangs"] != "no answer within 50ms" || f.Problems["fails"] != "input/output error" {
		t.Errorf("%+v", f)
	}
}

// TestBound: a machine with very many disks and cards fits, and says what is left out.
func TestBound(t *testing.T) {
	var f Facts
	for n := range 1000 {
		f.Disks = append(f.Disks, Disk{Name: fmt.Sprint("sd", n), Model: strings.Repeat("m", maxText)})
		f.Cards = append(f.Cards, Card{Name: fmt.Sprint("eth", n), Addresses: make([]string, maxList)})
	}
	b, err := f.JSON()
	var back Facts
	if err != nil || len(b) > MaxSize || json.Unmarshal(b, &back) != nil || !strings.Contains(back.Problems["disks"], "1000 disks") || len(back.Disks) == 0 {
		t.Errorf("%d bytes, %v, %v", len(b), err, back.Problems)
	}
}

// TestWire: what changes from run to run isn't sent, nor what containers and guests bring.
func TestWire(t *testing.T) {
	up, down := true, false
	a := Facts{Memory: &Memory{Total: 16<<30 + 5}, Cards: []Card{{Name: "eth0", Driver: "e1000", Up: &up}, {Name: "veth1"}, {Name: "bond0", Kind: "bond", Up: &up}}}
	b := Facts{Memory: &Memory{Total: 16<<30 + 9}, Cards: []Card{{Name: "bond0", Kind: "bond", Up: &down}, {Name: "veth77"}}}
	b.Cards = append([]Card{{Name: "eth0", Driver: "e1000", Up: &down}}, b.Cards...)
	one, err := a.Wire()
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.Wire()
	if err != nil || string(one) != string(two) || strings.Contains(string(one), "veth") || !strings.Contains(string(one), "bond0") {
		t.Errorf("%v\n%s\n%s", err, one, two)
	}
	if a.Cards[0].Up != &up || len(a.Cards) != 3 || a.Memory.Total != 16<<30+5 {
		t.Error("it changed the facts themselves")
	}
	if all, err := a.JSON(); err != nil || !strings.Contains(string(all), "veth1") {
		t.Errorf("%v %s", err, all)
	}
}

// TestOwn: the machine that runs this test has facts, and none of them fails.
func TestOwn(t *testing.T) {
	f := Gather(t.Context(), "", time.Minute)
	one, err := f.Wire()
	two, again := Gather(t.Context(), "", time.Minute).Wire()
	if err != nil || again != nil || string(one) != string(two) {
		t.Errorf("two runs have different facts: %v, %v\n%s\n%s", err, again, one, two)
	}
	if f.CPU == nil || f.CPU.Threads == 0 || f.Memory == nil || f.Memory.Total == 0 || len(f.Problems) > 0 {
		t.Errorf("%+v", f)
	}
}
