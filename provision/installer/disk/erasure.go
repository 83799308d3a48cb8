package disk

import (
	"cmp"
	"fmt"

	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// An Erasure is the result for one disk, for the report.
type Erasure struct {
	Disk     string  `json:"disk"`
	Model    string  `json:"model,omitempty"`
	Serial   string  `json:"serial,omitempty"`
	WWN      string  `json:"wwn,omitempty"`
	Bytes    int64   `json:"bytes"`
	Method   string  `json:"method"`
	Seconds  float64 `json:"seconds"`
	Samples  int     `json:"samples"` // pieces of 4 KiB that were read back, spread over it
	Verified bool    `json:"verified"`
	Error    string  `json:"error,omitempty"`
}

// String is one line for people.
func (e Erasure) String() string {
	name := fmt.Sprintf("%s (%s, serial %s)", e.Disk, plan.Gigabytes(e.Bytes), cmp.Or(e.Serial, "unknown"))
	if e.Error != "" {
		return name + " was NOT erased: " + e.Error
	}
	return fmt.Sprintf("%s erased by %s in %.1f s (%s), %d samples read back blank",
		name, e.Method, e.Seconds, report.Speed(e.Bytes, e.Seconds), e.Samples)
}
