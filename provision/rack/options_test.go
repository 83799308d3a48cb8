package rack

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func goodBox() BoxOptions {
	return BoxOptions{
		Name: "web1", MAC: net.HardwareAddr{0x52, 0x54, 0, 0, 0, 1},
		BMCAddress: netip.MustParseAddrPort("10.77.0.111:0"), BMCUser: "admin", BMCPassword: "p",
	}
}

func TestOptionsDefaults(t *testing.T) {
	o, err := Options{Log: slog.New(slog.DiscardHandler), Boxes: []BoxOptions{goodBox()}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	b := o.Boxes[0]
	if b.Firmware != BIOS || b.Arch != AMD64 || b.Processors != 2 || b.MemoryMB != 1024 || b.DiskGB != 4 || b.DefaultBoot != BootPXE || b.BMCAddress.Port() != 623 {
		t.Errorf("defaults: %+v", b)
	}
	if o.Appliance.String() != "10.77.0.1/24" {
		t.Errorf("appliance: %s", o.Appliance)
	}
}

func TestOptionsRefused(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"no logger", func(o *Options) { o.Log = nil }, "Log"},
		{"IPv6 appliance", func(o *Options) { o.Appliance = netip.MustParsePrefix("fd00::1/64") }, "IPv4"},
		{"accelerator", func(o *Options) { o.Accelerator = "hvf" }, "hvf"},
		{"name with a comma", func(o *Options) { o.Boxes[0].Name = "a,b" }, "letters"},
		{"name that leaves the folder", func(o *Options) { o.Boxes[0].Name = "../x" }, "letters"},
		{"no MAC", func(o *Options) { o.Boxes[0].MAC = nil }, "MAC"},
		{"multicast MAC", func(o *Options) { o.Boxes[0].MAC = net.HardwareAddr{1, 0, 0, 0, 0, 1} }, "MAC"},
		{"firmware", func(o *Options) { o.Boxes[0].Firmware = "efi" }, "firmware"},
		{"HTTP boot of a BIOS", func(o *Options) { o.Boxes[0].HTTPBoot = true }, "UEFI"},
		{"Secure Boot of a BIOS", func(o *Options) { o.Boxes[0].SecureBoot = true }, "UEFI"},
		{"processor", func(o *Options) { o.Boxes[0].Arch = "riscv64" }, "riscv64"},
		{"BIOS of an arm64 box", func(o *Options) { o.Boxes[0].Arch = ARM64 }, "UEFI"},
		{"a ROM that isn't signed", func(o *Options) {
			o.Boxes[0].Firmware, o.Boxes[0].IPXEROM, o.Boxes[0].SecureBoot = UEFI, true, true
		}, "isn't signed"},
		{"default boot", func(o *Options) { o.Boxes[0].DefaultBoot = "cdrom" }, "default boot"},
		{"relative image", func(o *Options) { o.Boxes[0].DiskImage = "disk.raw" }, "absolute"},
		{"no processor", func(o *Options) { o.Boxes[0].Processors = -1 }, "processors"},
		{"little memory", func(o *Options) { o.Boxes[0].MemoryMB = 8 }, "memory"},
		{"disk bus", func(o *Options) { o.Boxes[0].DiskBus = "scsi" }, "disk bus"},
		{"a further disk of nothing", func(o *Options) { o.Boxes[0].MoreDisks = []int{0} }, "further disk"},
		{"too many disks", func(o *Options) { o.Boxes[0].MoreDisks = []int{1, 1, 1, 1, 1, 1} }, "at most 6"},
		{"a second card without a MAC", func(o *Options) { o.Boxes[0].MoreNICs = []net.HardwareAddr{nil} }, "MAC"},
		{"two cards of one MAC", func(o *Options) { o.Boxes[0].MoreNICs = []net.HardwareAddr{o.Boxes[0].MAC} }, "another box"},
		{"BMC elsewhere", func(o *Options) { o.Boxes[0].BMCAddress = netip.MustParseAddrPort("192.0.2.1:623") }, "BMC address"},
		{"BMC on the appliance", func(o *Options) { o.Boxes[0].BMCAddress = netip.MustParseAddrPort("10.77.0.1:623") }, "BMC address"},
		{"long password", func(o *Options) { o.Boxes[0].BMCPassword = strings.Repeat("x", 21) }, "at most 20"},
		{"twice the same", func(o *Options) { o.Boxes = append(o.Boxes, goodBox()) }, "another box"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Log: slog.New(slog.DiscardHandler), Boxes: []BoxOptions{goodBox()}}
			tt.change(&o)
			_, err := o.withDefaults()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "xxxx") {
				t.Error("the error tells the password")
			}
		})
	}
}

func TestMachineArgs(t *testing.T) {
	find := func(args []string, part string) string {
		for _, a := range args {
			if strings.Contains(a, part) {
				return a
			}
		}
		return ""
	}
	o, err := Options{Log: slog.New(slog.DiscardHandler), Boxes: []BoxOptions{goodBox()}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	m := machine{box: o.Boxes[0], accel: accelTCG, taps: []string{"tap0"}, disks: []string{"/d/a,b.raw"}, serial: "/d/s.log"}
	args := m.args(BootPXE, nil)
	for part, want := range map[string]string{
		"virtio-net-pci":   "virtio-net-pci,netdev=net0,mac=52:54:00:00:00:01,bootindex=1",
		"virtio-blk-pci":   "virtio-blk-pci,drive=disk0,serial=vd-web1,bootindex=2",
		"if=none,id=disk0": "if=none,id=disk0,format=raw,cache=unsafe,aio=threads,discard=unmap,file=/d/a,,b.raw",
	} {
		if got := find(args, part); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	args = m.args(BootDisk, nil)
	if !strings.HasSuffix(find(args, "virtio-net-pci"), "bootindex=2") || !strings.HasSuffix(find(args, "virtio-blk-pci"), "bootindex=1") {
		t.Errorf("disk first: %v", args)
	}
	if find(args, "romfile=") != "" || find(args, "pflash") != "" {
		t.Errorf("a BIOS box has UEFI's parts: %v", args)
	}
}

func TestUUID(t *testing.T) {
	a, b := uuidFor("web1"), uuidFor("web2")
	if a == b || a != uuidFor("web1") || len(a) != 36 || a[14] != '8' {
		t.Errorf("%s, %s", a, b)
	}
}

// TestWiring: no command may touch a link of the machine's own namespace.
func TestWiring(t *testing.T) {
	o, err := Options{Log: slog.New(slog.DiscardHandler), Boxes: []BoxOptions{goodBox()}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	host, appliance, rack := wiring("a", "r", o)
	for _, line := range host {
		if !strings.HasPrefix(line, "netns add ") {
			t.Errorf("in the machine's own namespace: ip %s", line)
		}
	}
	for _, line := range slices.Concat(appliance, rack) {
		if strings.Contains(line, "route") || strings.Contains(line, "nat") {
			t.Errorf("a way out: ip %s", line)
		}
	}
	if !slices.Contains(rack, "addr add 10.77.0.111/24 dev br0") {
		t.Errorf("the BMC has no address: %v", rack)
	}
}
