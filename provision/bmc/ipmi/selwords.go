package ipmi

import (
	"fmt"
	"strings"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// logEntry puts an entry of the event log into words (IPMI 2.0 §32, tables 42-1 to 42-3).
func logEntry(sel *types.SEL, raw []byte) (bmc.LogEntry, bool) {
	e := bmc.LogEntry{ID: fmt.Sprintf("%04x", sel.RecordID), Health: bmc.OK}
	std := sel.Standard
	if std == nil {
		e.Text = fmt.Sprintf("record of the maker's, type %02Xh: % x", byte(sel.RecordType), raw[3:])
		return e, true
	}
	e.Sensor = fmt.Sprintf("%s #%02x", strings.ToLower(std.SensorType.String()), byte(std.SensorNumber))
	offset := std.EventData.EventReadingOffset()
	e.Text = std.EventString()
	if e.Text == "" {
		e.Text = fmt.Sprintf("event type %02Xh, data % x", byte(std.EventReadingType), raw[13:])
	}
	if more := detail(std); more != "" {
		e.Text += ": " + more
	}
	if std.EventDir == types.EventDirDeassertion {
		e.Text += " (no longer)"
		return e, true
	}
	e.Health = healthOf(std.EventSeverity())
	if std.EventReadingType == types.EventReadingTypeSensorSpecific {
		e.Progress = progress(std.SensorType, offset)
	}
	return e, true
}

// progress is the stage of a boot that an event tells of (table 42-3).
func progress(t types.SensorType, offset byte) string {
	switch t {
	case types.SensorTypeSystemFirmwareProgress:
		return [...]string{"boot-failed", "boot-failed", "firmware"}[min(offset, 2)]
	case types.SensorTypeBootError:
		return "boot-failed"
	case types.SensorTypeBaseOSBootInstallationStatus:
		switch offset {
		case 0x1: // C: boot completed
			return "disk"
		case 0x2: // PXE boot completed
			return "pxe"
		}
	}
	return ""
}

// firmwareStages and firmwareErrors are event data 2 of system firmware progress (table 42-3,
// sensor type 0Fh).
var (
	firmwareStages = []string{
		"", "memory initialization", "hard disk initialization", "secondary processor initialization",
		"user authentication", "user-initiated setup", "USB resource configuration", "PCI resource configuration",
		"option ROM initialization", "video initialization", "cache initialization", "SM bus initialization",
		"keyboard controller initialization", "management controller initialization", "docking station attachment",
		"docking station enabled", "docking station ejection", "docking station disabled", "operating system wake-up",
		"starting the operating system", "baseboard initialization", "", "floppy initialization", "keyboard test",
		"pointing device test", "primary processor initialization",
	}
	firmwareErrors = []string{
		"", "no system memory installed", "no usable system memory", "hard disk failure", "system board failure",
		"diskette failure", "hard disk controller failure", "keyboard failure", "boot media not found",
		"video controller failure", "no video device", "firmware ROM corrupt", "CPU voltage mismatch", "CPU speed mismatch",
	}
)

// detail is what event data 2 says of the firmware's progress, where it is used (§29.7: bits
// 7:6 of data 1 are 11b).
func detail(std *types.SELStandard) string {
	d := std.EventData
	if std.SensorType != types.SensorTypeSystemFirmwareProgress || std.EventReadingType != types.EventReadingTypeSensorSpecific || d.EventData1>>6 != 3 {
		return ""
	}
	words := firmwareStages
	if d.EventReadingOffset() == 0 {
		words = firmwareErrors
	}
	if n := int(d.EventData2); n < len(words) {
		return words[n]
	}
	return ""
}
