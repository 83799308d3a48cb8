package page

import (
	"errors"
	"io"
	"io/fs"
	"net/http"

	"rackhand/config/visible"
	"rackhand/provision"
)

// A LogSource is a Source that also has the logs of installers.
type LogSource interface {
	// HasLog reports whether an install, by its id, has a log.
	HasLog(install string) bool
	// Log opens the log of an install; fs.ErrNotExist if it has none.
	Log(install string) (io.ReadSeekCloser, error)
}

// logTail bounds the part of a log that the page shows, from its end. `rackhand log` shows
// all.
const logTail = 2 << 20

// logPath is the path of the log of a host's latest install, or "".
func (h *Handler) logPath(hs provision.HostStatus) string {
	src, ok := h.Source.(LogSource)
	if !ok || hs.Install == nil || !src.HasLog(hs.Install.ID) {
		return ""
	}
	return hostPath(hs.Host) + "/log"
}

// log sends the log of a host's latest install, as plain text.
func (h *Handler) log(w http.ResponseWriter, r *http.Request) {
	src, ok := h.Source.(LogSource)
	if !ok {
		h.notFound(w, r)
		return
	}
	hosts, err := h.Source.Hosts(r.Context())
	if err != nil {
		h.fail(w, "read the hosts", err)
		return
	}
	for _, hs := range hosts {
		if hs.Host != r.PathValue("name") || hs.Install == nil {
			continue
		}
		f, err := src.Log(hs.Install.ID)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			h.fail(w, "read the log", err)
			return
		}
		defer f.Close()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if size, err := f.Seek(0, io.SeekEnd); err == nil {
			if _, err := f.Seek(max(0, size-logTail), io.SeekStart); err != nil {
				h.fail(w, "read the log", err)
				return
			}
			if size > logTail {
				_, _ = io.WriteString(w, "(the end of it; `rackhand log "+hs.Host+"` shows all)\n")
			}
		}
		shown := &visible.Writer{To: w}
		_, _ = io.Copy(shown, f) // an error means that the client has gone
		_ = shown.Close()
		return
	}
	h.notFound(w, r)
}
