package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestMirrorRetriesEnd: an answer that an initrd can use ends the series of answers that say
// "ask again". The next series lasts as long.
func TestMirrorRetriesEnd(t *testing.T) {
	var r retries
	now := time.Date(2026, 11, 30, 7, 0, 0, 0, time.UTC)
	answer := func(after time.Duration, status int) int {
		now = now.Add(after)
		w := httptest.NewRecorder()
		decisiveWriter{w, func() bool { return r.again("web1", now) }, func() { r.end("web1") }}.WriteHeader(status)
		return w.Code
	}
	for i, a := range []struct {
		after        time.Duration
		status, want int
	}{
		{0, http.StatusServiceUnavailable, http.StatusServiceUnavailable},
		{2 * time.Second, http.StatusOK, http.StatusOK},
		{18 * time.Second, http.StatusServiceUnavailable, http.StatusServiceUnavailable},
		{8 * time.Second, http.StatusServiceUnavailable, http.StatusServiceUnavailable},
		{time.Second, http.StatusServiceUnavailable, http.StatusNotFound},
	} {
		if got := answer(a.after, a.status); got != a.want {
			t.Errorf("answer %d is %d, want %d", i, got, a.want)
		}
	}
}
