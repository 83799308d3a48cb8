package page

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
	"time"

	"rackhand/config/visible"
)

//go:embed templates
var templateFiles embed.FS

// A frame holds the values that all pages have, and the page's own model.
type frame struct {
	Appliance string // the appliance's title
	Heading   string // this page's
	Fragment  string // the URL of the live part, for the script
	Watching  string // the one host whose events concern the page; empty for all
	Seq       uint64 // the page includes every event up to this one
	Now       time.Time
	Version   string  // of the assets
	Beat      float64 // seconds between heartbeats
	Every     int     // seconds after which the page is stale without an event, too; 0: never
	Reload    int     // seconds between reloads without the script; 5 by default
	Note      string  // at the foot
	Page      any     // the page's own model
}

// NowISO is the appliance's clock, against which the script shows running times.
func (f frame) NowISO() string { return at(f.Now, f.Now).ISO }

func parseTemplates(a *assets) (*template.Template, error) {
	funcs := template.FuncMap{
		"asset":    a.url,
		"hostpath": hostPath,
	}
	return template.New("").Funcs(funcs).ParseFS(templateFiles, "templates/*.html")
}

// render answers with a page, or for the page's script with its live part alone.
// body names the template of that part.
func (h *Handler) render(w http.ResponseWriter, r *http.Request, status int, body string, f frame) {
	f.Appliance = h.Title
	f.Version = h.assets.version
	if h.Note != nil {
		f.Note = h.Note()
	}
	f.Reload = cmp.Or(f.Reload, 5)
	f.Beat = h.Heartbeat.Seconds()
	var content bytes.Buffer
	err := h.templates.ExecuteTemplate(&content, body, f)
	if err != nil {
		h.fail(w, "render "+body, err)
		return
	}
	out := visible.Text(content.String())
	if !strings.HasPrefix(r.URL.Path, "/fragment/") {
		var page bytes.Buffer
		err := h.templates.ExecuteTemplate(&page, "layout.html", struct {
			frame
			Body template.HTML // made by html/template just above
		}{f, template.HTML(out)})
		if err != nil {
			h.fail(w, "render layout", err)
			return
		}
		out = visible.Text(page.String())
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(len(out)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, out) // an error means that the client has gone
	}
}

// fail writes the error to the log, and tells the reader only that something failed.
func (h *Handler) fail(w http.ResponseWriter, what string, err error) {
	h.Log.Error("status page: "+what, "err", err)
	w.Header().Set("Retry-After", "5")
	http.Error(w, "The status can't be shown now; the appliance's log says why. Try again in a moment.", http.StatusServiceUnavailable)
}

func (h *Handler) notFound(w http.ResponseWriter, r *http.Request) {
	seq, err := h.newest(r.Context())
	if err != nil {
		h.fail(w, "read the newest event", err)
		return
	}
	// There is no such fragment either: the page stays what it is.
	h.render(w, r, http.StatusNotFound, "missing.html", frame{
		Heading: "Not found", Fragment: "/fragment/missing", Seq: seq, Now: h.Clock(),
		Page: "There is no such page here.",
	})
}
