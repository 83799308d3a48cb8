package web

import (
	"net/http"
	"time"

	"rackhand/provision/connlimit"
)

// A patient writer limits the time to send each piece of an answer, from when the piece is
// written. It has no ReadFrom, which would make one piece of a whole file.
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

// Patiently answers requests, and gives clients patience for each piece of an answer. A
// client that stops reading holds its connection and the answer no longer than that.
func Patiently(patience time.Duration, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refusedOverLimit(w, r) {
			return
		}
		p := patient{w, patience}
		p.renew()
		h.ServeHTTP(p, r)
		p.renew() // for what is still in the buffer
	})
}

// refusedOverLimit refuses a request whose connection is over the limit.
func refusedOverLimit(w http.ResponseWriter, r *http.Request) bool {
	if !connlimit.Over(r.Context()) {
		return false
	}
	w.Header().Set("Retry-After", "3")
	w.Header().Set("Connection", "close")
	http.Error(w, "too many connections from this address, or in all", http.StatusServiceUnavailable)
	return true
}
