package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"rackhand/config/visible"
	"rackhand/provision"
)

// events streams the journal as server-sent events (WHATWG HTML, 9.2): data is a
// provision.Event in JSON, id its Seq. A client that comes back with
// Last-Event-ID (or ?after=SEQ, which a script can set) misses nothing; without
// either the stream begins now. Between events a heartbeat of the kind "beat"
// carries the appliance's time, so that a script notices a dead connection. An event of the
// kind "standing" follows it when hosts stand otherwise than at the beat before.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) {
	after, err := h.resumeFrom(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	from := addressOf(r)
	if !h.streams.enter(from) {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many browsers follow already; the page itself can be read, and shows the same when it is loaded again", http.StatusServiceUnavailable)
		return
	}
	defer h.streams.leave(from)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel() // ends the subscription
	if after == nil {
		seq, err := h.newest(ctx)
		if err != nil {
			h.fail(w, "read the newest event", err)
			return
		}
		after = &seq
	}
	ch, err := h.Source.Subscribe(ctx, *after)
	if err != nil {
		h.fail(w, "subscribe to events", err)
		return
	}
	seen, err := h.status(ctx)
	if err != nil {
		h.fail(w, "read the hosts", err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // nginx in front of us would delay events
	s := &stream{w: w, control: http.NewResponseController(w), timeout: h.SendTimeout}
	if err := s.send("retry: 2000\n\n"); err != nil || r.Method == http.MethodHead {
		return
	}
	h.pump(ctx, s, ch, seen)
}

// resumeFrom is the Seq that the client has seen, nil if it sends none.
func (h *Handler) resumeFrom(r *http.Request) (*uint64, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	if text == "" {
		return nil, nil
	}
	seq, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("Last-Event-ID and after are the number of an event, not %.20q", text)
	}
	return &seq, nil
}

// pump sends events and heartbeats until either side ends. seen is what the client has.
func (h *Handler) pump(ctx context.Context, s *stream, ch <-chan provision.Event, seen *status) {
	beat := time.NewTicker(h.Heartbeat)
	defer beat.Stop()
	if err := s.send(h.beat()); err != nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-ch:
			if !ok {
				return // too slow, or the journal closes: the client comes back
			}
			e.Message = visible.Text(e.Message) // the script reads it out
			data, err := json.Marshal(e)
			if err != nil {
				h.Log.Error("status page: an event can't be written as JSON", "seq", e.Seq, "err", err)
				return
			}
			if err := s.send(fmt.Sprintf("id: %d\ndata: %s\n\n", e.Seq, data)); err != nil {
				h.Log.Debug("status page: a browser was dropped", "err", err)
				return
			}
		case <-beat.C:
			text := h.beat()
			if st, err := h.status(ctx); err == nil {
				text += standing(st.moved(seen))
				seen = st
			}
			if err := s.send(text); err != nil {
				h.Log.Debug("status page: a browser was dropped", "err", err)
				return
			}
		}
	}
}

func (h *Handler) beat() string {
	now := h.Clock()
	return fmt.Sprintf(": alive\nevent: beat\ndata: %s\n\n", at(now, now).ISO)
}

// standing is an event of the kind "standing": the hosts that stand otherwise than at the last
// beat. A host that is stuck, or over its budget, causes no event of the journal.
func standing(hosts []string) string {
	if len(hosts) == 0 {
		return ""
	}
	data, err := json.Marshal(hosts)
	if err != nil {
		return "" // texts can always be written
	}
	return fmt.Sprintf("event: standing\ndata: %s\n\n", data)
}

// A stream writes to one client, which has timeout for each piece: the server's
// own write deadline, meant for a page, would cut every stream.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

func (s *stream) send(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return fmt.Errorf("set the stream's deadline: %w", err)
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
