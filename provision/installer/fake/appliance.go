package fake

import (
	"encoding/json"
	"net/http"
	"sync"
)

// An Appliance takes events. It answers with each status in turn; the last one stays.
type Appliance struct {
	Statuses []int
	Got      []Event // those that were answered with a 2xx
	Requests int

	mu sync.Mutex
}

// ServeHTTP takes one event.
func (a *Appliance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	status := a.Statuses[min(a.Requests, len(a.Statuses)-1)]
	a.Requests++
	var e Event
	if err := json.NewDecoder(r.Body).Decode(&e); err == nil && status < 300 {
		a.Got = append(a.Got, e)
	}
	w.WriteHeader(status)
}

// An Event is an installer's report, as the appliance reads it.
type Event struct {
	Stage   string            `json:"stage"`
	Kind    string            `json:"kind"`
	Message string            `json:"message"`
	Level   string            `json:"level"`
	Fields  map[string]string `json:"fields"`
}
