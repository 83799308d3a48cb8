package trace

import (
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// saidMost bounds what is kept of an answer that is an error, in bytes.
const saidMost = 200

// Handler records each request of a handler, when it has been answered. Of a body it keeps
// only the first line of an error. agent says that it is the agents' port. A nil record
// records nothing.
func Handler(record func(Fact), agent bool, clock func() time.Time, h http.Handler) http.Handler {
	if record == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := clock()
		t := &writer{ResponseWriter: w}
		defer func() { // also when the handler aborts the answer
			from, _ := netip.ParseAddrPort(r.RemoteAddr)
			record(HTTP{
				Peer: from.Addr().Unmap(), Agent: agent, Method: methodOf(r), Path: MaskPath(r.URL.Path + mark(r)),
				Status: t.status, Bytes: t.n, Size: t.size(), Took: clock().Sub(began), Said: t.firstLine(),
			})
		}()
		h.ServeHTTP(t, r)
	})
}

// mark is a "?" for a request with a query. The query itself isn't recorded.
func mark(r *http.Request) string {
	if r.URL.RawQuery != "" {
		return "?"
	}
	return ""
}

// methodOf bounds a method, which is the client's own text.
func methodOf(r *http.Request) string {
	const most = 10
	return strings.Clone(r.Method[:min(len(r.Method), most)])
}

// A writer counts what is written, and keeps sendfile possible.
type writer struct {
	http.ResponseWriter
	status int
	n      int64
	said   []byte
}

func (t *writer) WriteHeader(status int) {
	if t.status < http.StatusOK { // 1xx come before the answer
		t.status = status
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *writer) Write(b []byte) (int, error) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	if t.status >= http.StatusBadRequest && len(t.said) < saidMost {
		t.said = append(t.said, b[:min(len(b), saidMost-len(t.said))]...)
	}
	n, err := t.ResponseWriter.Write(b)
	t.n += int64(n)
	return n, err
}

// ReadFrom hands a file to the connection, where it becomes sendfile(2): so it is given on as it is.
func (t *writer) ReadFrom(r io.Reader) (int64, error) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	n, err := io.Copy(t.ResponseWriter, r)
	t.n += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (t *writer) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// size is the length that the answer's header names; -1 without one.
func (t *writer) size() int64 {
	size, err := strconv.ParseInt(t.Header().Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return size
}

func (t *writer) firstLine() string {
	said := strings.ToValidUTF8(string(t.said), "")
	if len(t.said) == saidMost {
		said = whole(said)
	}
	line, _, _ := strings.Cut(said, "\n")
	return MaskText(strings.TrimSpace(line))
}
