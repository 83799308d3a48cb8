package web

import (
	"net/http"
	"time"

	"rackhand/provision/connlimit"
)

// A patient writer gives each piece of an answer its time from when it is there. It has
// no ReadFrom: a whole file that comes in slowly is no piece.
type patient struct {
	http.ResponseWriter
	patience time.Duration
}

func (p patient) Write(b []byte) (int, error) {
	p.renew()
	return p.ResponseWriter.Write(b)
}

func (p patient) renew() {
	_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Now().Add(p.patience))
}

// Unwrap lets http.ResponseController reach the connection.
func (p patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// Patiently answers requests whose client has as long as patience for each piece of its
// answer: one that reads nothing holds neither its connection nor the answer for longer.
func Patiently(patience time.Duration, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if turnedAway(w, r) {
			return
		}
		p := patient{w, patience}
		p.renew()
		h.ServeHTTP(p, r)
		p.renew() // for what is still in the buffer
	})
}

// turnedAway tells a client that its connection is one too many.
func turnedAway(w http.ResponseWriter, r *http.Request) bool {
	if !connlimit.Over(r.Context()) {
		return false
	}
	w.Header().Set("Retry-After", "3")
	w.Header().Set("Connection", "close")
	http.Error(w, "too many connections from this address, or in all", http.StatusServiceUnavailable)
	return true
}
