package trace

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"rackhand/inventory"
)

const (
	// lookEvery is the shortest time between two looks for new entries.
	lookEvery = 50 * time.Millisecond
	// beatEvery is how often an empty line shows that the appliance is still there.
	beatEvery = 5 * time.Second
)

// Stream answers a request of the operator with the entries of a box as JSON lines: those
// after the number ?after=. With ?follow=1 it goes on with new ones until the client
// disconnects. The inventory may change meanwhile, so cards is called for each look.
func (r *Recorder) Stream(w http.ResponseWriter, req *http.Request, cards func() ([]inventory.MAC, error)) error {
	after, _ := strconv.ParseUint(req.URL.Query().Get("after"), 10, 64)
	follow := req.URL.Query().Get("follow") == "1"
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	out, flusher := json.NewEncoder(w), http.NewResponseController(w)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for {
		changed := r.Changed()
		macs, err := cards()
		if err != nil {
			macs = nil // the host has gone; it may come back
		}
		for _, l := range r.Lines(macs, after) {
			if err := out.Encode(l); err != nil {
				return nil // the reader has gone
			}
			after = l.Seq
		}
		if !follow {
			return nil
		}
		_ = flusher.Flush()
		if !await(w, req, changed, beat.C) {
			return nil
		}
	}
}

// await waits for a new entry of any box, or sends an empty line now and then. It returns
// false when the client has disconnected.
func await(w io.Writer, req *http.Request, changed <-chan struct{}, beat <-chan time.Time) bool {
	select {
	case <-changed:
	case <-beat:
		if _, err := io.WriteString(w, "\n"); err != nil {
			return false
		}
	case <-req.Context().Done():
		return false
	}
	select {
	case <-time.After(lookEvery): // many come at once
		return true
	case <-req.Context().Done():
		return false
	}
}
