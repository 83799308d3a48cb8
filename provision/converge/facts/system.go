package facts

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// OS is the content of os-release(5).
type OS struct {
	ID       string `json:"id"`                // debian
	Version  string `json:"version,omitempty"` // VERSION_ID: 12
	Codename string `json:"codename,omitempty"`
	Like     string `json:"like,omitempty"` // ID_LIKE
	Name     string `json:"name,omitempty"` // PRETTY_NAME
}

func readOS(h host) (func(*Facts), error) {
	text, err := h.read("/etc/os-release")
	if text == "" && err == nil {
		text, err = h.read("/usr/lib/os-release")
	}
	if text == "" || err != nil {
		return nil, err
	}
	var o OS
	fields := map[string]*string{"ID": &o.ID, "VERSION_ID": &o.Version, "VERSION_CODENAME": &o.Codename, "ID_LIKE": &o.Like, "PRETTY_NAME": &o.Name}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if to := fields[key]; to != nil {
			*to = bounded(strings.Trim(value, `"'`))
		}
	}
	return func(f *Facts) { f.OS = &o }, nil
}

// Kernel is the result of uname(2).
type Kernel struct {
	Release string `json:"release"` // 6.1.0-27-amd64
	Arch    string `json:"arch"`    // x86_64
	Name    string `json:"host_name"`
}

func readKernel(host) (func(*Facts), error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return nil, fmt.Errorf("uname: %w", err)
	}
	k := Kernel{Release: unix.ByteSliceToString(u.Release[:]), Arch: unix.ByteSliceToString(u.Machine[:]), Name: unix.ByteSliceToString(u.Nodename[:])}
	return func(f *Facts) { f.Kernel = &k }, nil
}

// CPU is the processors, of /proc/cpuinfo.
type CPU struct {
	Model   string `json:"model,omitempty"`
	Threads int    `json:"threads"`
	Sockets int    `json:"sockets,omitempty"`
}

func readCPU(h host) (func(*Facts), error) {
	text, err := os.Open(h.path("/proc/cpuinfo"))
	if err != nil {
		return nil, err
	}
	defer text.Close()
	var c CPU
	sockets := map[string]bool{}
	lines := bufio.NewScanner(text) // 100 KB and more on large machines
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "processor":
			c.Threads++
		case "physical id":
			sockets[value] = true
		case "model name", "Model":
			c.Model = bounded(value)
		}
	}
	c.Sockets = len(sockets)
	return func(f *Facts) { f.CPU = &c }, lines.Err()
}

// Memory is of /proc/meminfo, in bytes.
type Memory struct {
	Total int64 `json:"total"`
	Swap  int64 `json:"swap"`
}

func readMemory(h host) (func(*Facts), error) {
	text, err := h.read("/proc/meminfo")
	if err != nil || text == "" {
		return nil, err
	}
	var m Memory
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, err := strconv.ParseInt(fields[1], 10, 50)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			m.Total = kib << 10
		case "SwapTotal:":
			m.Swap = kib << 10
		}
	}
	return func(f *Facts) { f.Memory = &m }, nil
}

// dmiFields are the files of /sys/class/dmi/id that become facts, by the name of the fact.
var dmiFields = [...][2]string{
	{"vendor", "sys_vendor"},
	{"product", "product_name"},
	{"version", "product_version"},
	{"serial", "product_serial"},
	{"uuid", "product_uuid"},
	{"board_vendor", "board_vendor"},
	{"board", "board_name"},
	{"board_serial", "board_serial"},
	{"chassis_type", "chassis_type"},
	{"chassis_serial", "chassis_serial"},
	{"bios_vendor", "bios_vendor"},
	{"bios_version", "bios_version"},
	{"bios_date", "bios_date"},
}

func readDMI(h host) (func(*Facts), error) {
	dmi := map[string]string{}
	for _, f := range dmiFields {
		if v := h.line("/sys/class/dmi/id/" + f[1]); v != "" {
			dmi[f[0]] = v
		}
	}
	return func(f *Facts) { f.DMI = dmi }, nil
}

func readBootMode(h host) (func(*Facts), error) {
	mode := "bios"
	if info, err := os.Stat(h.path("/sys/firmware/efi")); err == nil && info.IsDir() {
		mode = "uefi"
	} else if _, err := os.Stat(h.path("/sys/firmware")); err != nil {
		mode = "" // without sysfs nothing can be said
	}
	return func(f *Facts) { f.BootMode = mode }, nil
}

// readVirtual tells a container by what its manager leaves in it, and a guest by its DMI, as
// systemd-detect-virt(1) does; "vm" is a guest of an unknown kind.
func readVirtual(h host) (func(*Facts), error) {
	return func(f *Facts) { f.Virtual = h.virtual() }, nil
}

func (h host) virtual() string {
	if kind := h.line("/run/systemd/container"); kind != "" {
		return kind
	}
	for file, kind := range map[string]string{"/.dockerenv": "docker", "/run/.containerenv": "podman"} {
		if _, err := os.Stat(h.path(file)); err == nil {
			return kind
		}
	}
	about := strings.ToLower(strings.Join([]string{
		h.line("/sys/class/dmi/id/sys_vendor"), h.line("/sys/class/dmi/id/product_name"), h.line("/sys/class/dmi/id/bios_vendor"), h.line("/sys/class/dmi/id/board_vendor"),
	}, "\n"))
	for _, known := range [...][2]string{
		{"kvm", "kvm"},
		{"openstack", "kvm"},
		{"amazon ec2", "amazon"},
		{"qemu", "qemu"},
		{"vmware", "vmware"},
		{"virtualbox", "oracle"},
		{"innotek", "oracle"},
		{"xen", "xen"},
		{"bochs", "bochs"},
		{"parallels", "parallels"},
		{"bhyve", "bhyve"},
		{"hyper-v", "microsoft"},
		{"virtual machine", "microsoft"},
		{"google", "google"},
	} {
		if strings.Contains(about, known[0]) {
			return known[1]
		}
	}
	if kind := h.line("/sys/hypervisor/type"); kind != "" {
		return kind
	}
	cpu, err := h.read("/proc/cpuinfo")
	switch {
	case err != nil || cpu == "":
		return ""
	case strings.Contains(cpu, " hypervisor"):
		return "vm"
	}
	return "none"
}
