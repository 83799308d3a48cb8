package dhcp

import (
	"time"

	"rackhand/provision"
)

// Bounds of what strangers can make us write down: one event a minute for each of
// them, and limitTotal of all together.
const (
	limitEvery = time.Minute
	limitTotal = 120
)

func newLimiter() *provision.Quiet { return &provision.Quiet{Every: limitEvery, Most: limitTotal} }
