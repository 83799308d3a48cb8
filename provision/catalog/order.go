package catalog

import (
	"fmt"
	"regexp"
	"time"

	"rackhand/provision/catalog/window"
)

// OrdersPath is where an agent waits for orders: GET /v1/orders?last=ID, where last is the
// latest order that it carried out. The answer is lines of JSON: an empty line now and then,
// and an [Order] at its end if there is one.
const OrdersPath = "/v1/orders"

// Times of the wait for orders.
const (
	// OrderBeat is the time between two empty lines.
	OrderBeat = 30 * time.Second
	// OrderWait is how long one answer waits for an order.
	OrderWait = 4 * time.Minute
)

// An Order asks an agent for a run now. The report of that run bears its id.
type Order struct {
	ID string `json:"id"`
	// Noop: nothing is changed, and the report says what would be.
	Noop bool `json:"noop,omitempty"`
	// IgnoreWindow: restarts don't wait for the maintenance window this once.
	IgnoreWindow bool `json:"ignore_window,omitempty"`
}

var orderID = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// Validate says what is wrong with an order.
func (o Order) Validate() error {
	if !orderID.MatchString(o.ID) {
		return fmt.Errorf("%.80q is not the id of an order", o.ID)
	}
	return nil
}

// Disabled says that an agent makes no runs for a while, or with Left 0 that it makes runs
// again.
type Disabled struct {
	Reason string `json:"reason"`
	// Until is when that ends, by the host's clock.
	Until time.Time `json:"until"`
	// Left is the time until then in seconds, by the host's monotonic clock.
	Left float64 `json:"left"`
}

// The bounds of Disabled.
const (
	MaxReason   = 200 // bytes
	MaxDisabled = 30 * 24 * time.Hour
)

// Maintenance says when services may be restarted or reloaded because of a change. The
// zero value, like nil, means at any time.
type Maintenance struct {
	// Windows are such as "Sat 02:00-04:00": see [window.Parse].
	Windows []string `json:"windows"`
	// Zone is the name of a time zone, such as Europe/Berlin; "" means UTC.
	Zone string `json:"zone,omitempty"`
}

// Set reads the windows.
func (m *Maintenance) Set() (window.Set, error) {
	if m == nil {
		return window.Set{}, nil
	}
	return window.ParseSet(m.Windows, m.Zone)
}

// Text is what an order asks for, for people.
func (o Order) Text() string {
	switch {
	case o.Noop:
		return "a dry run"
	case o.IgnoreWindow:
		return "a run that ignores the maintenance window"
	}
	return "a run"
}
