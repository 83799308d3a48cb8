package job

import (
	"encoding/binary"
	"fmt"
	"strings"

	smart "github.com/anatol/smart.go"
)

// health holds a disk's own report (SMART). Unknown counters are -1.
type health struct {
	Kind string `json:"kind"` // nvme, sata, scsi; "" when it says nothing
	Note string `json:"note,omitempty"`
	// Failing are the attributes at or below their threshold, and NVMe's warnings.
	Failing     []string `json:"failing,omitempty"`
	Hours       int64    `json:"power_on_hours"`
	Celsius     int64    `json:"celsius"`
	Reallocated int64    `json:"reallocated_sectors"`
	Pending     int64    `json:"pending_sectors"`
	Uncorrected int64    `json:"uncorrectable"`
	CRC         int64    `json:"crc_errors"`
	PercentUsed int64    `json:"percent_used"`
	// Grown is by how much Reallocated, Pending and Uncorrected have grown while the
	// disk was read.
	Grown int64 `json:"grown"`
}

func unknownHealth(kind, note string) health {
	return health{Kind: kind, Note: note, Hours: -1, Celsius: -1, Reallocated: -1, Pending: -1, Uncorrected: -1, CRC: -1, PercentUsed: -1}
}

// String is one line for people.
func (h health) String() string {
	if h.Kind == "" {
		return "SMART: " + h.Note
	}
	parts := []string{"SMART (" + h.Kind + ")"}
	for _, x := range []struct {
		name string
		n    int64
	}{{"hours", h.Hours}, {"°C", h.Celsius}, {"reallocated", h.Reallocated}, {"pending", h.Pending}, {"uncorrectable", h.Uncorrected}, {"CRC errors", h.CRC}, {"% used", h.PercentUsed}} {
		if x.n >= 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.name))
		}
	}
	if h.Note != "" {
		parts = append(parts, h.Note)
	}
	return strings.Join(append(parts, h.Failing...), ", ")
}

// findings are the reasons to fail a disk.
func (h health) findings() []string {
	out := append([]string(nil), h.Failing...)
	if h.Pending > 0 {
		out = append(out, fmt.Sprintf("%d sectors wait to be reallocated", h.Pending))
	}
	if h.Uncorrected > 0 {
		out = append(out, fmt.Sprintf("%d sectors or commands could not be corrected", h.Uncorrected))
	}
	if h.Grown > 0 {
		out = append(out, fmt.Sprintf("%d more bad sectors since the burn-in began", h.Grown))
	}
	return out
}

// remarks are about a disk that is not failed.
func (h health) remarks() []string {
	var out []string
	if h.Reallocated > 0 {
		out = append(out, fmt.Sprintf("%d sectors were reallocated", h.Reallocated))
	}
	if h.CRC > 0 {
		out = append(out, fmt.Sprintf("%d CRC errors: look at its cable", h.CRC))
	}
	if h.PercentUsed >= 80 {
		out = append(out, fmt.Sprintf("%d%% of its writes are used up", h.PercentUsed))
	}
	return out
}

// grownSince is the number of bad sectors that are new.
func (h health) grownSince(before health) int64 {
	var n int64
	for _, c := range [][2]int64{{before.Reallocated, h.Reallocated}, {before.Pending, h.Pending}, {before.Uncorrected, h.Uncorrected}} {
		if c[0] >= 0 && c[1] > c[0] {
			n += c[1] - c[0]
		}
	}
	return n
}

// askHealth asks a disk for its SMART data.
func askHealth(name string) health {
	if strings.HasPrefix(name, "vd") || strings.HasPrefix(name, "xvd") {
		return unknownHealth("", "a virtual disk has no SMART data")
	}
	if strings.HasPrefix(name, "mmcblk") {
		return unknownHealth("", "an MMC card has no SMART data")
	}
	dev, err := smart.Open("/dev/" + name)
	if err != nil {
		return unknownHealth("", "it can't be asked: "+err.Error()+" (disks behind a RAID controller can't be)")
	}
	defer dev.Close()
	switch d := dev.(type) {
	case *smart.NVMeDevice:
		log, err := d.ReadSMART()
		if err != nil {
			return unknownHealth("nvme", "its log can't be read: "+err.Error())
		}
		return nvmeHealth(log)
	case *smart.SataDevice:
		page, err := d.ReadSMARTData()
		if err != nil {
			return unknownHealth("sata", "its attributes can't be read: "+err.Error())
		}
		limits, err := d.ReadSMARTThresholds()
		if err != nil {
			limits = nil
		}
		return sataHealth(page, limits)
	}
	h := unknownHealth(dev.Type(), "its error counters are not read by this version")
	if a, err := dev.ReadGenericAttributes(); err == nil {
		h.Celsius, h.Hours = int64(a.Temperature), int64(a.PowerOnHours)
	}
	return h
}

// nvmeHealth reads the log page 02h (NVM Express Base Specification, 5.16.1.3).
func nvmeHealth(log *smart.NvmeSMARTLog) health {
	h := unknownHealth("nvme", "")
	for i, what := range []string{"spare blocks run out", "temperature beyond its limits", "reliability degraded", "read-only now", "its volatile memory's backup failed"} {
		if log.CritWarning>>i&1 == 1 {
			h.Failing = append(h.Failing, what)
		}
	}
	if log.Temperature > 0 {
		h.Celsius = int64(log.Temperature) - 273
	}
	h.Hours, h.Uncorrected, h.PercentUsed = int64(log.PowerOnHours.Val[0]), int64(log.MediaErrors.Val[0]), int64(log.PercentUsed)
	return h
}

// sataHealth reads the attributes by the numbers that most makers use (ATA defines none).
func sataHealth(page *smart.AtaSmartPage, limits *smart.AtaSmartThresholdsPage) health {
	h := unknownHealth("sata", "")
	raw := func(id uint8) int64 {
		if a, ok := page.Attrs[id]; ok {
			return int64(binary.LittleEndian.Uint32(a.VendorBytes[:4])) // the upper bytes are often something else
		}
		return -1
	}
	h.Reallocated, h.Pending, h.Uncorrected, h.CRC, h.Hours = raw(5), raw(197), raw(198), raw(199), raw(9)
	if t := raw(194); t >= 0 {
		h.Celsius = t & 0xff
	}
	if limits == nil {
		h.Note = "its thresholds can't be read"
		return h
	}
	for id := range uint8(255) {
		a, ok := page.Attrs[id]
		if limit := limits.Thresholds[id]; ok && limit > 0 && limit < 254 && a.Current <= limit {
			h.Failing = append(h.Failing, fmt.Sprintf("SMART attribute %d is at %d, its limit is %d", id, a.Current, limit))
		}
	}
	return h
}
