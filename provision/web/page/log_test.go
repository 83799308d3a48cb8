package page_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
)

// logged is a rack whose installs have logs, by id.
type logged struct {
	*fake
	logs map[string]string
}

func (l logged) HasLog(id string) bool { return l.logs[id] != "" }

func (l logged) Log(id string) (io.ReadSeekCloser, error) {
	if !l.HasLog(id) {
		return nil, fs.ErrNotExist
	}
	return struct {
		*bytes.Reader
		io.Closer
	}{bytes.NewReader([]byte(l.logs[id])), io.NopCloser(nil)}, nil
}

func TestLog(t *testing.T) {
	f := rack(theTime())
	src := logged{f, map[string]string{}}
	for _, hs := range f.hosts {
		if hs.Host == "web3" {
			src.logs[hs.Install.ID] = "<b>first</b>\n" + strings.Repeat(fmt.Sprintf("%01023d\n", 0), 3000) + "last\n"
		}
	}
	h := newPage(t, src)
	if w := get(t, h, "/host/web3"); !strings.Contains(w.Body.String(), `<a href="/host/web3/install/web3-1/log">`) {
		t.Error("the host's page does not lead to its log")
	}
	for _, path := range []string{"/host/web3/log", "/host/web3/install/web3-1/log"} {
		w := get(t, h, path)
		body := w.Body.String()
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(body, "\nlast\n</pre>") || !strings.Contains(body, "This is the end of it.") || len(body) > 160<<10 {
			t.Errorf("%s: %d %v, %d bytes", path, w.Code, w.Header(), len(body))
		}
		w = get(t, h, path+".txt")
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || !strings.HasSuffix(w.Body.String(), "\nlast\n") {
			t.Errorf("%s.txt: %d %v", path, w.Code, w.Header())
		}
		if w.Body.Len() > 3<<20 || !strings.HasPrefix(w.Body.String(), "(the end of it") {
			t.Errorf("%s.txt: %d bytes, beginning %.40q", path, w.Body.Len(), w.Body)
		}
	}
	if w := get(t, h, "/host/web1"); strings.Contains(w.Body.String(), "/log") {
		t.Error("a host without a log leads to one")
	}
	for _, path := range []string{"/host/web1/log", "/host/nobody/log", "/host/spare1/log", "/host/web3/install/web3-9/log", "/host/web/install/web3-1/log", "/host/nobody/install/web3-1/log.txt"} {
		if w := get(t, h, path); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := get(t, newPage(t, f), "/host/web3/log"); w.Code != 404 {
		t.Errorf("a source without logs: %d", w.Code)
	}
}
