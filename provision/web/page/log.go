package page

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"rackhand/config/visible"
	"rackhand/provision"
	"rackhand/provision/installlog"
)

// A LogSource is a Source that also has the logs of installers.
type LogSource interface {
	// HasLog reports whether an install, by its id, has a log.
	HasLog(install string) bool
	// Log opens the log of an install; fs.ErrNotExist if it has none.
	Log(install string) (io.ReadSeekCloser, error)
}

// The bounds of a log, from its end, as text, on its page, and as the tail on another page.
// `rackhand log` shows all.
const (
	mostText  = 2 << 20
	logPage   = 128 << 10
	logTail   = 4 << 10
	tailLines = 20
)

// logPath is the path of the log of an install; "" if it has none.
func (h *Handler) logPath(in *provision.Install) string {
	src, ok := h.Source.(LogSource)
	if !ok || in == nil || !src.HasLog(in.ID) {
		return ""
	}
	return installPath(in.Host, in.ID) + "/log"
}

// A tailView is the end of what an installer has logged.
type tailView struct {
	Text string // "" where only the log is named
	Path string // of the whole log; "" when it is no longer kept
}

// tail is the end of an install's log, or if the log is gone what the journal has of it; nil
// for neither. Without text, it has the path alone.
func (h *Handler) tail(in provision.Install, events []provision.Event, text bool) (*tailView, error) {
	if path := h.logPath(&in); path != "" {
		v := &tailView{Path: path}
		if !text {
			return v, nil
		}
		end, _, err := h.logEnd(in.ID, logTail)
		if err == nil {
			lines := strings.Split(strings.TrimRight(end, "\n"), "\n")
			v.Text = strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
			return v, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, e := range slices.Backward(events) {
		if text && e.Kind == provision.KindLogTail {
			return &tailView{Text: cut(e.Message, logTail)}, nil
		}
	}
	return nil, nil
}

// openEnd opens the end of an install's log, from the start of a line on. whole: it is all.
func (h *Handler) openEnd(install string, most int64) (end io.Reader, whole bool, done func() error, err error) {
	src, ok := h.Source.(LogSource)
	if !ok {
		return nil, false, nil, fs.ErrNotExist
	}
	f, err := src.Log(install)
	if err != nil {
		return nil, false, nil, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(max(0, size-most), io.SeekStart)
	}
	if err != nil {
		return nil, false, nil, errors.Join(err, f.Close())
	}
	b := bufio.NewReader(io.LimitReader(f, most))
	if size > most {
		_, _ = b.ReadString('\n') // its error comes again when the rest is read
	}
	return b, size <= most, f.Close, nil
}

// logEnd reads the end of an install's log.
func (h *Handler) logEnd(install string, most int64) (text string, whole bool, err error) {
	end, whole, done, err := h.openEnd(install, most)
	if err != nil {
		return "", false, err
	}
	defer done()
	b, err := io.ReadAll(end)
	return string(b), whole, err
}

// logModel is the page of a log.
type logModel struct {
	Host, HostPath, Install, InstallPath string
	Text                                 string
	Whole                                bool
	TextPath                             string // the log as text
	Command                              string // that shows all of it
}

// logOf is the install whose log a request asks for: the host's latest one, unless it names
// one. ok is false without one, and then the request is answered.
func (h *Handler) logOf(w http.ResponseWriter, r *http.Request) (host, id string, ok bool) {
	host, id = r.PathValue("name"), r.PathValue("id")
	if id == "" {
		hosts, err := h.Source.Hosts(r.Context())
		if err != nil {
			h.fail(w, "read the hosts", err)
			return "", "", false
		}
		for _, hs := range hosts {
			if hs.Host == host && hs.Install != nil {
				id = hs.Install.ID
			}
		}
	}
	if !installlog.Of(host, id) {
		h.notFound(w, r)
		return "", "", false
	}
	return host, id, true
}

// log serves the page of a log.
func (h *Handler) log(w http.ResponseWriter, r *http.Request) {
	host, id, ok := h.logOf(w, r)
	if !ok {
		return
	}
	seq, err := h.newest(r.Context())
	if err != nil {
		h.fail(w, "read the newest event", err)
		return
	}
	text, whole, err := h.logEnd(id, logPage)
	if err != nil {
		h.noLog(w, r, err)
		return
	}
	path := installPath(host, id)
	h.render(w, r, http.StatusOK, "log.html", frame{
		Heading: "Log of " + id, Fragment: "/fragment" + path + "/log", Watching: host, Seq: seq, Now: h.Clock(),
		Page: logModel{host, hostPath(host), id, path, visible.Text(text), whole, path + "/log.txt", logCommand(host, id)},
	})
}

// logText serves a log as text.
func (h *Handler) logText(w http.ResponseWriter, r *http.Request) {
	host, id, ok := h.logOf(w, r)
	if !ok {
		return
	}
	end, whole, done, err := h.openEnd(id, mostText)
	if err != nil {
		h.noLog(w, r, err)
		return
	}
	defer done()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !whole {
		_, _ = io.WriteString(w, "(the end of it; `"+logCommand(host, id)+"` shows all)\n")
	}
	shown := &visible.Writer{To: w}
	_, _ = io.Copy(shown, end) // an error means that the client has gone
	_ = shown.Close()
}

func logCommand(host, id string) string { return "rackhand log " + host + " --install " + id }

func (h *Handler) noLog(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		h.notFound(w, r)
		return
	}
	h.fail(w, "read the log", err)
}
