package hardware

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/plan"
)

// diskLinks are the names below /dev that udev's rules would give a disk
// (60-persistent-storage.rules, scsi_id, ata_id, path_id). The installer has no udev, and
// operators know disks by these names. dir is /sys/block/NAME.
func diskLinks(dir string, d plan.Disk) []string {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		real = dir
	}
	var out []string
	id := func(format string, args ...any) {
		out = append(out, "disk/by-id/"+udevName(fmt.Sprintf(format, args...)))
	}
	switch {
	case strings.HasPrefix(d.Name, "nvme"):
		if d.WWN != "" {
			id("nvme-%s", d.WWN)
		}
		if d.Model != "" && d.Serial != "" {
			id("nvme-%s_%s", d.Model, d.Serial)
			id("nvme-%s_%s_%d", d.Model, d.Serial, max(1, kernel.ReadInt(dir+"/nsid")))
		}
	case strings.HasPrefix(d.Name, "vd"):
		if d.Serial != "" {
			id("virtio-%s", d.Serial)
		}
	case strings.HasPrefix(d.Name, "mmcblk"):
		if name := kernel.ReadText(dir + "/device/name"); name != "" && d.Serial != "" {
			id("mmc-%s_%s", name, d.Serial)
		}
	default:
		if model, serial, ok := ataIdentity(dir + "/device/vpd_pg89"); ok {
			id("ata-%s_%s", model, serial)
		}
		if vendor := kernel.ReadText(dir + "/device/vendor"); vendor != "" && d.Serial != "" {
			id("scsi-S%s_%s_%s", vendor, d.Model, d.Serial)
		}
		if kind, rest, ok := strings.Cut(d.WWN, "."); ok {
			switch kind {
			case "naa":
				id("wwn-0x%s", rest)
				id("scsi-3%s", rest)
			case "eui":
				id("wwn-0x%s", rest)
				id("scsi-2%s", rest)
			case "t10":
				id("scsi-1%s", rest)
			}
		}
	}
	if p := diskPath(real); p != "" {
		out = append(out, "disk/by-path/"+p) // and what older versions made of it
		if strings.HasPrefix(d.Name, "vd") {
			out = append(out, "disk/by-path/virtio-"+p)
		}
		if ata, ok := strings.CutSuffix(p, ".0"); ok && strings.Contains(p, "-ata-") {
			out = append(out, "disk/by-path/"+ata)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// udevName is a name with blanks squeezed into one _ and what udev doesn't allow
// replaced (util_replace_whitespace, udev_replace_chars).
func udevName(s string) string {
	s = strings.Join(strings.Fields(s), "_")
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("#+-.:=@_", r), r > 0x7f:
			return r
		}
		return '_'
	}, s)
}

// ataIdentity reads model and serial number of an ATA disk behind the kernel's SCSI
// layer, which cuts the model short, from its ATA Information page (SAT-5 12.4.2):
// 60 bytes, then the 512 of IDENTIFY DEVICE, whose text has its bytes swapped in
// pairs.
func ataIdentity(page string) (model, serial string, ok bool) {
	b, err := os.ReadFile(page)
	if err != nil || len(b) < 60+512 {
		return "", "", false
	}
	text := func(word, words int) string {
		var out []byte
		for i := range words {
			w := binary.LittleEndian.Uint16(b[60+2*(word+i):])
			out = append(out, byte(w>>8), byte(w))
		}
		return strings.TrimSpace(strings.ReplaceAll(string(out), "\x00", " "))
	}
	model, serial = text(27, 20), text(10, 10)
	return model, serial, model != "" && serial != ""
}

// vpdSerial reads a SCSI disk's Unit Serial Number page (SPC-5 7.7.17).
func vpdSerial(page string) string {
	b, err := os.ReadFile(page)
	if err != nil || len(b) < 4 {
		return ""
	}
	return strings.Trim(string(b[4:min(len(b), 4+int(b[3]))]), " \x00")
}

func pciAddress(s string) bool {
	return regexp.MustCompile(`^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$`).MatchString(s)
}

// diskPath returns udev's path_id of a disk, from its place in sysfs
// (/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda);
// "" for kinds of disk that aren't known here.
func diskPath(real string) string {
	parts := strings.Split(real, "/")
	last := -1
	for i, p := range parts {
		if pciAddress(p) {
			last = i
		}
	}
	if last < 0 {
		return ""
	}
	pci, rest := "pci-"+parts[last], parts[last+1:]
	has := func(prefix string) (string, int) {
		for i, p := range rest {
			if n, ok := strings.CutPrefix(p, prefix); ok && n != "" && n[0] >= '0' && n[0] <= '9' {
				return n, i
			}
		}
		return "", -1
	}
	if _, i := has("usb"); i >= 0 {
		return ""
	}
	for _, p := range rest { // SAS has names of its own
		if strings.HasPrefix(p, "end_device-") || strings.HasPrefix(p, "rport-") || strings.HasPrefix(p, "session") {
			return ""
		}
	}
	if _, i := has("nvme"); i >= 0 {
		return fmt.Sprintf("%s-nvme-%d", pci, max(1, kernel.ReadInt(real+"/nsid")))
	}
	if n, i := has("ata"); i >= 0 {
		dir := strings.Join(parts[:last+1], "/") + "/ata" + n
		port := kernel.ReadInt(dir + "/ata_port/ata" + n + "/port_no")
		if port == 0 {
			return ""
		}
		target := ""
		if _, j := has("target"); j >= 0 { // host:channel:id:lun; the id is the device on the port
			if f := strings.Split(rest[min(j+1, len(rest)-1)], ":"); len(f) == 4 {
				target = "." + f[2]
			}
		}
		return fmt.Sprintf("%s-ata-%d%s", pci, port, target)
	}
	if host, i := has("host"); i >= 0 {
		for _, p := range rest[i:] {
			f := strings.Split(p, ":")
			if len(f) != 4 {
				continue
			}
			return fmt.Sprintf("%s-scsi-%d:%s:%s:%s", pci, hostOffset(strings.Join(parts[:last+1+i], "/"), host), f[1], f[2], f[3])
		}
		return ""
	}
	return pci // virtio-blk
}

// hostOffset counts a SCSI host from the first one of its controller.
func hostOffset(dir, host string) int {
	mine, _ := strconv.Atoi(host)
	first := mine
	hosts, _ := filepath.Glob(dir + "/host*")
	for _, h := range hosts {
		if n, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(h), "host")); err == nil {
			first = min(first, n)
		}
	}
	return mine - first
}

// LinkDisks makes the links below dev (/dev), for a Kickstart's %pre.
func LinkDisks(dev string, disks []plan.Disk) {
	for _, d := range disks {
		for _, l := range d.Links {
			name := filepath.Join(dev, l)
			_ = os.MkdirAll(filepath.Dir(name), 0o755)
			_ = os.Symlink("../../"+d.Name, name) // an existing one stays
		}
	}
}
