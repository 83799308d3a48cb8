package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/bootfiles"
	"rackhand/bootfiles/image"
)

// TestForFirmware: what UEFI HTTP Boot asks of a server.
func TestForFirmware(t *testing.T) {
	r := newTestServer(t)
	size := fmt.Sprint(len(efiProgram))
	for _, path := range []string{"/boot/file/own.efi", "//boot/file/own.efi", "/boot//file///own.efi", "/boot/file//own.efi"} {
		for _, method := range []string{"HEAD", "GET"} {
			w := r.ask(r.boot, "10.77.0.11", method, path, "")
			if w.Code != 200 || w.Header().Get("Content-Length") != size || w.Header().Get("Content-Type") != "application/efi" ||
				w.Header().Get("Transfer-Encoding") != "" || w.Header().Get("Location") != "" || w.Header().Get("Accept-Ranges") != "bytes" {
				t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
			}
			if want := efiProgram; method == "GET" && w.Body.String() != want || method == "HEAD" && w.Body.Len() != 0 {
				t.Errorf("%s %s: %q", method, path, w.Body)
			}
		}
	}
	if w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/file/own.kpxe", ""); w.Code != 200 || w.Header().Get("Content-Type") != "application/octet-stream" {
		t.Errorf("own.kpxe: %d %v", w.Code, w.Header())
	}
	for path, want := range map[string]string{"bytes=0-1": "MZ", "bytes=2-": efiProgram[2:], "bytes=-3": efiProgram[len(efiProgram)-3:]} {
		req := httptest.NewRequest("GET", "/boot/file/own.efi", nil)
		req.RemoteAddr = "10.77.0.11:1024"
		req.Header.Set("Range", path)
		w := httptest.NewRecorder()
		r.boot.ServeHTTP(w, req)
		if w.Code != 206 || w.Body.String() != want || w.Header().Get("Content-Length") != fmt.Sprint(len(want)) {
			t.Errorf("%s: %d %q %v", path, w.Code, w.Body, w.Header())
		}
	}
}

// Issue 10, 7: a name is found in every spelling, also when what is encoded needn't be;
// and what leads out of a folder is no name.
func TestSpellingsOfNames(t *testing.T) {
	r := newTestServer(t)
	for path, want := range map[string]int{
		"/boot/file/own.efi": 200, "/boot/file/own%2Eefi": 200, "/boot/file/%6fwn.efi": 200, "//boot//file/own%2eefi": 200,
		"/image/debian12/vmlinuz": 200, "/image/%64ebian12/%76mlinuz": 200, "/image/debian12/root%2Etar%2ezst": 200,
		"/boot/file/..%2fown.efi": 404, "/boot/file/%2e%2e%2fown.efi": 404, "/boot/file/own.efi%00": 404, "/boot/file/%252e%252e": 404,
		"/image/debian12/..%2fdebian12%2fvmlinuz": 404, "/image/..%2fdebian12/vmlinuz": 404, "/image/debian12/%70ackages.txt": 404,
	} {
		if w := r.ask(r.boot, "10.77.0.11", "GET", path, ""); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

// Issue 10, 7: doubled slashes are cleaned, and what a client encoded stays as it wrote it
// on its way to the mirror.
func TestMirrorGetsPathsAsWritten(t *testing.T) {
	r := newTestServer(t)
	var got string
	r.server.Mirror = http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { got = q.URL.EscapedPath() })
	h := r.server.Boot()
	for path, want := range map[string]string{
		"/mirror/m/g%2b%2B+~%7e.deb":     "/mirror/m/g%2b%2B+~%7e.deb",
		"//mirror//m///g%2b%2B+~%7e.deb": "/mirror/m/g%2b%2B+~%7e.deb",
		"/mirror/m//group%2Fname/a.deb":  "/mirror/m/group%2Fname/a.deb",
		"/mirror/m//a%2F/b%2f%2fc":       "/mirror/m/a%2F/b%2f%2fc",
		"/mirror/m//plain/a.deb":         "/mirror/m/plain/a.deb",
		"/mirror/m/a_1%253a2.deb":        "/mirror/m/a_1%253a2.deb",
	} {
		r.ask(h, "10.77.0.11", "GET", path, "")
		if got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// TestNeverARedirect: whatever the path looks like.
func TestNeverARedirect(t *testing.T) {
	r := newTestServer(t)
	for _, path := range []string{"/", "//", "/boot", "/boot/", "/boot/file", "/boot/file/", "/boot/file/own.efi/", "/boot/./file/own.efi", "/boot/../boot/file/own.efi", "/image/debian12/", "/image/debian12", "/grub/", "/index.html", "/boot/ipxe/", "/%2f%2fboot", "/boot/file/%2fown.efi"} {
		for _, method := range []string{"GET", "HEAD"} {
			w := r.ask(r.boot, "10.77.0.11", method, path, "")
			if w.Code/100 == 3 || w.Header().Get("Location") != "" || w.Code == 500 {
				t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
			}
		}
	}
}

// TestOnItsWay: 503 with Retry-After for what will be there, 404 for what nobody has.
func TestOnItsWay(t *testing.T) {
	r := newTestServer(t)
	check := func(path string, code int) {
		t.Helper()
		w := r.ask(r.boot, "10.77.0.11", "GET", path, "")
		r.want(w, code)
		if retry := w.Header().Get("Retry-After"); (retry != "") != (code == 503) {
			t.Errorf("%s: %d with Retry-After %q", path, code, retry)
		}
	}
	r.arm("web1")
	check("/image/later/vmlinuz", 503) // a system is made of it
	check("/image/nobody/vmlinuz", 404)
	check("/image/NOT/vmlinuz", 404)
	check("/image/debian12/nothing", 404)
	check("/boot/file/nobody.efi", 404)
	check("/grub/fs.lst", 404)
	check("/boot/ipxe?mac=52:54:00:00:00:77", 503) // its lease may yet be heard of
	r.snap.Hosts["web1"].System = r.snap.Systems["later"]
	check("/boot/ipxe?mac="+web1MAC, 503)
	r.snap.Hosts["web1"].System = r.snap.Systems["debian12"]
	// A file of the image is gone for the moment that another one takes its place.
	path := filepath.Join(r.images, "debian12", image.KernelFile)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	check("/image/debian12/vmlinuz", 503)
	if err := os.WriteFile(filepath.Join(r.images, "debian12", image.ManifestFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	check("/image/debian12/vmlinuz", 503)
	token := "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	check("/i/"+token+"/ks", 403)
	r.snap = nil
	check("/boot/ipxe?mac="+web1MAC, 503)
	check("/image/unheard/vmlinuz", 503)
}

// TestMissingProgram: a program that we send boxes for and haven't got is told.
func TestMissingProgram(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	w := r.ask(r.boot, "10.77.0.11", "GET", "/boot/file/grubaa64.efi", "")
	r.want(w, 404)
	if strings.Contains(w.Body.String(), "/") {
		t.Errorf("an answer with a path: %s", w.Body)
	}
	r.wantEvent("web1", "fetch-failed")
}

// TestLengthOfTexts: a text larger than net/http's buffer has its length as well.
func TestLengthOfTexts(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	srv := httptest.NewServer(r.boot)
	defer srv.Close()
	r.leases[web1MAC] = "127.0.0.1"
	get := func(path string) (int64, []string, string) {
		res, err := srv.Client().Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.ContentLength, res.TransferEncoding, string(b)
	}
	n, encoding, script := get("/boot/ipxe?mac=" + web1MAC)
	if n != int64(len(script)) || encoding != nil {
		t.Errorf("the script: length %d, encoding %v", n, encoding)
	}
	token := anyToken.FindStringSubmatch(script)
	if token == nil {
		t.Fatal(script)
	}
	n, encoding, ks := get("/i/" + token[1] + "/ks")
	if len(ks) < 3000 || n != int64(len(ks)) || encoding != nil {
		t.Errorf("the answer file of %d bytes: length %d, encoding %v", len(ks), n, encoding)
	}
}

const efiProgram = "MZ an own program"

// ownFiles is an operator's folder of boot programs.
func ownFiles(t *testing.T) *bootfiles.Files {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"own.efi", "own.kpxe"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(efiProgram), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return bootfiles.New([]string{dir}).WithFetched(filepath.Join(dir, "nothing-was-fetched"))
}

// TestFetchedInALoop: a box that fetches a file, or its end, again and again leaves one
// event of it.
func TestFetchedInALoop(t *testing.T) {
	r := newTestServer(t)
	r.arm("web1")
	r.script(web1MAC, "10.77.0.11")
	fetches := func() (n int) {
		events, err := r.journal.Events(t.Context(), "web1", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Kind == "fetch" {
				n++
			}
		}
		return n
	}
	for range 50 {
		r.want(r.ask(r.boot, "10.77.0.11", "GET", "/image/debian12/initrd.img", ""), 200)
		req := httptest.NewRequest("GET", "/image/debian12/initrd.img", nil)
		req.RemoteAddr = "10.77.0.11:1024"
		req.Header.Set("Range", "bytes=-1")
		w := httptest.NewRecorder()
		r.boot.ServeHTTP(w, req)
		r.want(w, 206)
	}
	few := fetches()
	r.later += time.Hour
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/image/debian12/initrd.img", ""), 200)
	if again := fetches(); few < 1 || few > 50 || again != few+1 {
		t.Errorf("a hundred fetches left %d events, one more later %d", few, again)
	}
}
