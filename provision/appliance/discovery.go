package appliance

import (
	"net/http"
	"strconv"

	"rackhand/inventory"
	"rackhand/inventory/port"
)

// nodeExporter is the port that a host's own exporter listens on unless the one who
// asks says another (prometheus.io, default port allocations).
const nodeExporter = 9100

// discovery puts beside the page what other programs read of the inventory:
//
//	GET /discovery/prometheus[?port=N]   HTTP service discovery (http_sd_config)
//
// It shows no more than the page does.
func discovery(snapshot func() *inventory.Snapshot, page http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.HandleFunc("GET /discovery/prometheus", func(w http.ResponseWriter, r *http.Request) {
		n := nodeExporter
		if text := r.URL.Query().Get("port"); text != "" {
			var err error
			if n, err = strconv.Atoi(text); err != nil || n < 1 || n > 65535 {
				http.Error(w, "port must be a number from 1 to 65535", http.StatusBadRequest)
				return
			}
		}
		targets, err := port.Prometheus(snapshot(), n)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(targets) // a client that goes away has nobody to tell
	})
	return mux
}
