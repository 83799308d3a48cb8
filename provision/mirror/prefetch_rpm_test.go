package mirror

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
)

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPrefetchTree(t *testing.T) {
	const primary = `<metadata xmlns:rpm="r">
<package type="rpm"><name>bash</name><arch>x86_64</arch><version epoch="0" ver="5" rel="1"/><location href="Packages/bash.rpm"/>
<format><rpm:requires><rpm:entry name="libc"/></rpm:requires></format></package>
<package type="rpm"><name>glibc</name><arch>x86_64</arch><version epoch="0" ver="2" rel="1"/><location href="Packages/glibc.rpm"/>
<format><rpm:provides><rpm:entry name="libc"/></rpm:provides></format></package>
<package type="rpm"><name>vim</name><arch>x86_64</arch><version epoch="0" ver="9" rel="1"/><location href="Packages/vim.rpm"/><format/></package>
</metadata>`
	const comps = `<comps><group><id>core</id><packagelist><packagereq type="mandatory">bash</packagereq><packagereq type="mandatory">vim</packagereq></packagelist></group></comps>`
	u := newUpstream(t, map[string][]byte{
		"/9/os/.treeinfo":                  []byte("[general]"),
		"/9/os/images/install.img":         []byte("stage 2"),
		"/9/os/BaseOS/repodata/repomd.xml": []byte(`<repomd><data type="primary"><location href="repodata/p.xml.gz"/></data><data type="group"><location href="repodata/c.xml"/></data><data type="other"><location href="repodata/o.xml"/></data></repomd>`),
		"/9/os/BaseOS/repodata/p.xml.gz":   gzipped(t, primary),
		"/9/os/BaseOS/repodata/c.xml":      []byte(comps),
		"/9/os/BaseOS/Packages/bash.rpm":   []byte("bash"),
		"/9/os/BaseOS/Packages/glibc.rpm":  []byte("glibc"),
		"/9/os/BaseOS/Packages/vim.rpm":    []byte("vim"),
	})
	b := newTestCache(t, Options{Upstreams: map[string]string{"rocky": u.URL}})
	w := TreeRequest{
		Upstream: "rocky", Tree: "9/os", Files: []string{".treeinfo", "images/install.img", "images/updates.img"},
		Repositories: []string{"BaseOS"}, Arch: "x86_64", Packages: []string{"-vim", "@^nowhere-environment", "tmux"},
	}
	got, err := b.PrefetchTree(t.Context(), w)
	if err != nil || got.Packages != 2 || got.Fetched != 2+3+2 || strings.Join(got.Missing, " ") != "tmux @^nowhere-environment" {
		t.Fatalf("%+v, %v", got, err)
	}
	u.Close()
	for path, want := range map[string]int{
		"/mirror/rocky/9/os/BaseOS/Packages/glibc.rpm": http.StatusOK,
		"/mirror/rocky/9/os/images/install.img":        http.StatusOK,
		"/mirror/rocky/9/os/BaseOS/Packages/vim.rpm":   http.StatusServiceUnavailable,
	} {
		if a := b.get(t, "GET", path); a.status != want {
			t.Errorf("%s: %d, want %d", path, a.status, want)
		}
	}
}

func TestPrefetchTreeFails(t *testing.T) {
	u := newUpstream(t, map[string][]byte{
		"/Empty/repodata/repomd.xml":  []byte(`<repomd><data type="other"><location href="o"/></data></repomd>`),
		"/Packed/repodata/repomd.xml": []byte(`<repomd><data type="primary"><location href="repodata/p.xml.bz2"/></data></repomd>`),
		"/Packed/repodata/p.xml.bz2":  []byte("BZh91AY&SY"),
		"/Other/repodata/repomd.xml":  []byte(`<repomd><data type="primary"><location href="repodata/p.xml.lz"/></data></repomd>`),
		"/Other/repodata/p.xml.lz":    []byte("x"),
		"/Broken/repodata/repomd.xml": []byte(`<html>`),
	})
	b := newTestCache(t, Options{Upstreams: map[string]string{"rocky": u.URL}})
	for repo, want := range map[string]string{
		"Empty":   "names no index of packages",
		"Packed":  "packed with bzip2",
		"Other":   "it is not a primary.xml",
		"Broken":  "read repomd.xml",
		"Nowhere": "no such file",
		"../../x": "no such file",
	} {
		_, err := b.PrefetchTree(t.Context(), TreeRequest{Upstream: "rocky", Repositories: []string{repo}, Arch: "x86_64"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", repo, err, want)
		}
	}
}
