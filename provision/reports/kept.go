// Package reports keeps the reports of agents: the latest of each host whole, earlier ones
// in brief, all of it bounded.
package reports

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"rackhand/provision"
	"rackhand/provision/catalog"
)

// A Kept is a report with what the appliance adds to it.
type Kept struct {
	Number   uint64    `json:"number,omitempty"`   // of the host's reports, from 1
	Received time.Time `json:"received,omitzero"`  // by the appliance's clock
	Counted  time.Time `json:"counted,omitzero"`   // the same, as counted time
	Drifted  time.Time `json:"drifted,omitzero"`   // when the latest run with drift was received
	Silent   bool      `json:"silent,omitempty"`   // no report for two intervals since
	Age      float64   `json:"kept_age,omitempty"` // of the catalog kept on the host when it was received, s; 0: of the appliance
	catalog.Report
}

// Run is the report in brief.
func (k Kept) Run() provision.LastRun {
	return provision.LastRun{
		Number: k.Number, Received: k.Received, Counted: k.Counted, Status: k.Status, Catalog: k.Version,
		Totals: k.Count(), Interval: provision.Interval(k.Interval).Seconds(), Drifted: k.Drifted, Kept: k.Age,
	}
}

// maxPlain bounds the size of an unpacked record, in bytes.
const maxPlain = 8 << 20

// pack is v as JSON, compressed with gzip.
func pack(v any) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if err := json.NewEncoder(z).Encode(v); err != nil {
		return nil, err
	}
	err := z.Close()
	return out.Bytes(), err
}

// unpack reads the output of pack, and plain JSON, which earlier versions stored.
func unpack(b []byte, v any) error {
	if len(b) > 0 && b[0] == '{' {
		return json.Unmarshal(b, v)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("not a report as it is kept: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxPlain+1))
	if err == nil && len(plain) > maxPlain {
		err = fmt.Errorf("more than %d bytes", maxPlain)
	}
	if err != nil {
		return fmt.Errorf("unpacking a report: %w", err)
	}
	return json.Unmarshal(plain, v)
}
