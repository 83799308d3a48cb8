package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var staticFiles embed.FS

// assets are the embedded files under names that carry their hash, so that a
// browser may keep them for ever and yet sees every change at once.
type assets struct {
	byName  map[string]asset  // page.1a2b3c4d5e6f.css
	urls    map[string]string // page.css -> /static/page.1a2b3c4d5e6f.css
	version string            // hash over all of them
}

type asset struct {
	content     []byte
	packed      []byte // compressed with gzip; nil: not worth it
	contentType string
}

func loadAssets(p *packer) (*assets, error) {
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return nil, err
	}
	a := &assets{byName: map[string]asset{}, urls: map[string]string{}}
	all := sha256.New()
	for _, e := range entries {
		content, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, err
		}
		ext := path.Ext(e.Name())
		contentType, ok := contentTypes()[ext]
		if !ok {
			return nil, fmt.Errorf("static/%s: no content type is known for %q", e.Name(), ext)
		}
		sum := sha256.Sum256(content)
		all.Write(sum[:])
		name := strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.byName[name] = asset{content, p.packed(content), contentType}
		a.urls[e.Name()] = "/static/" + name
	}
	a.version = hex.EncodeToString(all.Sum(nil)[:6])
	return a, nil
}

// contentTypes replaces the machine's own MIME tables, which differ.
func contentTypes() map[string]string {
	return map[string]string{
		".css": "text/css; charset=utf-8",
		".js":  "text/javascript; charset=utf-8",
		".svg": "image/svg+xml",
	}
}

// url returns the URL of a file for a template. An unknown name is an error in a template.
func (a *assets) url(name string) (string, error) {
	u, ok := a.urls[name]
	if !ok {
		return "", fmt.Errorf("there is no static/%s", name)
	}
	return u, nil
}

func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	f, ok := a.byName[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Vary", "Accept-Encoding")
	content := f.content
	if f.packed != nil && takesGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		content = f.packed
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
