package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

// The mirror's commands say what the appliance answers.
func TestMirrorCommands(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/mirror", func(w http.ResponseWriter, r *http.Request) {
		files := []provision.MirrorFile{}
		if r.URL.Query().Get("at") == "debian/pool/" {
			old := time.Now().Add(-3 * time.Hour)
			files = append(files,
				provision.MirrorFile{Path: "debian/pool/a.deb", Size: 1000, Stored: old, Used: old, SHA256: "aa"},
				provision.MirrorFile{Path: "debian/pool/g%2B%2B.deb", Size: 24, Stored: old, Used: time.Now(), Outdated: true})
		}
		_ = json.NewEncoder(w).Encode(files)
	})
	mux.HandleFunc("DELETE /api/mirror", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("at") != "debian/pool/g++.deb" {
			http.Error(w, "the mirror cache has no such file", http.StatusNotFound)
			return
		}
		_ = json.NewEncoder(w).Encode(provision.MirrorForgotten{Files: 1, Bytes: 2_000_000, UnderWay: 1})
	})
	socket := serveSocket(t, mux)

	const note = " (the archive's index names another file by this name)"
	for _, c := range []struct {
		args string
		exit int
		want string
	}{
		{"list debian/pool/", 0, "SIZE  AGE  USED  PATH\n1000  3 h  3 h   debian/pool/a.deb\n24    3 h  0 s   debian/pool/g%2B%2B.deb" + note + "\n1024             in 2 files\n"},
		{"list", 0, "the mirror cache has no such file (the name of a folder ends with /)\n"},
		{"list --json", 0, "[]\n"},
		{"forget debian/pool/g++.deb", 0, "removed from the mirror cache: 1 file, 2000000 bytes\n1 download under way: the hosts that asked get it, but it isn't kept\n"},
		{"forget debian/x", 1, "rackhand: the appliance says: the mirror cache has no such file\n"},
		{"forget", 2, "rackhand: missing: PATH\nsee `rackhand help mirror forget`\n"},
	} {
		var out strings.Builder
		exit := run(append(append([]string{"mirror"}, strings.Fields(c.args)...), "--socket", socket), &out, &out)
		if exit != c.exit || out.String() != c.want {
			t.Errorf("mirror %s: %d\n%s\nwant %d\n%s", c.args, exit, out.String(), c.exit, c.want)
		}
	}
}

// `rackhand media add` asks for a tree as the cache does: a plus is %2B, and what the
// upstream's URL encodes stays so.
func TestTreeIsAskedForAsWritten(t *testing.T) {
	var asked string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.RequestURI
		if strings.HasSuffix(asked, "/none") {
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	fetch := fetchFrom(srv.Client(), srv.URL+"/group%2Fname/")
	r, err := fetch(t.Context(), "9+/os/.treeinfo")
	if err != nil || asked != "/group%2Fname/9%2B/os/.treeinfo" {
		t.Fatalf("%q, %v", asked, err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Error(err)
	}
	r.Close()
	if _, err := fetch(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	up, path, err := upstreamOf("http://up.example/rocky/9%2b/BaseOS+x/os/", map[string]string{"rocky": "http://up.example/rocky"})
	if up != "rocky" || path != "9+/BaseOS+x/os" || err != nil {
		t.Errorf("%q %q %v", up, path, err)
	}
	if _, _, err := upstreamOf("http://up.example/rocky/%zz", map[string]string{"rocky": "http://up.example/rocky"}); err == nil {
		t.Error("a broken URL is taken")
	}
}
