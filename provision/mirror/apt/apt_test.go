package apt

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

const index = `Package: nginx
Version: 1.22.1-9
Depends: nginx-common (= 1.22.1-9), libc6 (>= 2.34), libpcre2-8-0
Filename: pool/main/n/nginx/nginx_1.22.1-9_amd64.deb
Description: web server
 with a long text

Package: nginx-common
Version: 1.22.1-9
Depends: lsb-base, debconf (>= 0.5) | debconf-2.0
Filename: pool/main/n/nginx/nginx-common_1.22.1-9_all.deb

Package: libc6
Version: 2.36-9
Pre-Depends: base-thing
Filename: pool/main/g/glibc/libc6_2.36-9_amd64.deb

Package: libpcre2-8-0
Version: 10.42-1
Filename: pool/main/p/pcre2/libpcre2.deb

Package: cdebconf
Version: 1
Provides: debconf-2.0
Depends: nowhere | libpcre2-8-0
Filename: pool/main/c/cdebconf/cdebconf.deb

Package: sysvinit-utils
Version: 3.06-4
Provides: lsb-base (= 11.1.0)
Filename: pool/main/s/sysvinit/sysvinit-utils.deb

Package: without-a-file
Version: 1
`

const newerIndex = `Package: nginx
Version: 1.22.1-9+deb12u1
Depends: nginx-common (= 1.22.1-9+deb12u1), gone
Filename: pool/updates/nginx.deb
`

func read(t *testing.T, text string, archive int) []Package {
	t.Helper()
	var out []Package
	err := Packages(strings.NewReader(text), func(p Package) {
		p.Archive = archive
		out = append(out, p)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestClosure(t *testing.T) {
	all := append(read(t, index, 0), read(t, newerIndex, 1)...)
	if len(all) != 7 {
		t.Fatalf("%d packages are read", len(all))
	}
	s := NewSet(all)
	for _, c := range []struct {
		name    string
		want    []string
		have    map[string]string
		get     string
		missing string
	}{
		{
			"nothing there: the newest version, its needs, the first that provides",
			[]string{"nginx"},
			nil,
			"cdebconf libpcre2-8-0 nginx nginx-common sysvinit-utils", "gone",
		},
		{
			"what the host has is not fetched",
			[]string{"nginx"},
			map[string]string{"libpcre2-8-0": "10.42-1", "sysvinit-utils": "1", "debconf": "1"},
			"nginx nginx-common", "gone",
		},
		{"an older version on the host is", []string{"libpcre2-8-0"}, map[string]string{"libpcre2-8-0": "10.41-1"}, "libpcre2-8-0", ""},
		{"a virtual name", []string{"debconf-2.0"}, nil, "cdebconf libpcre2-8-0", ""},
		{"a virtual name that is provided", []string{"debconf-2.0"}, map[string]string{"cdebconf": "0"}, "", ""},
		{"nowhere", []string{"nowhere"}, nil, "", "nowhere"},
		{"pre-depends", []string{"libc6"}, nil, "libc6", "base-thing"},
	} {
		got, missing := s.Closure(c.want, c.have)
		var names []string
		for _, p := range got {
			names = append(names, p.Name)
		}
		// libc6 comes with nginx's first version only
		if strings.Join(names, " ") != c.get || strings.Join(missing, " ") != c.missing {
			t.Errorf("%s: %v, missing %v", c.name, names, missing)
		}
		if i := slices.Index(names, "nginx"); i >= 0 && got[i].Archive != 1 {
			t.Errorf("%s: nginx is taken from archive %d", c.name, got[i].Archive)
		}
	}
}

func TestRelease(t *testing.T) {
	text := `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: Debian
Acquire-By-Hash: yes
MD5Sum:
 0123 10 main/binary-amd64/Packages.xz
SHA256:
 aa11 10 main/binary-amd64/Packages.xz
 bb22 20 main/binary-amd64/Packages.gz
 cc33 20 contrib/binary-amd64/Packages.gz
-----BEGIN PGP SIGNATURE-----
`
	r, err := ReadRelease(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{"main", "main/binary-amd64/by-hash/SHA256/aa11"},
		{"contrib", "contrib/binary-amd64/by-hash/SHA256/cc33"},
		{"non-free", ""},
	} {
		if path, ok := r.Index(c[0], "amd64"); path != c[1] || ok != (c[1] != "") {
			t.Errorf("%s: %q %v", c[0], path, ok)
		}
	}
	r, err = ReadRelease(strings.NewReader(strings.Replace(text, "yes", "no", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if path, _ := r.Index("main", "amd64"); path != "main/binary-amd64/Packages.xz" {
		t.Error(path)
	}
	// apt asks for the index by the strongest sum that the release file has.
	r, err = ReadRelease(strings.NewReader(strings.Replace(text, "MD5Sum:\n 0123", "SHA512:\n dd44", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if path, _ := r.Index("main", "amd64"); path != "main/binary-amd64/by-hash/SHA512/dd44" {
		t.Error(path)
	}
	if _, err := ReadRelease(strings.NewReader("<html>not found</html>")); err == nil {
		t.Error("a page of HTML is taken for a release file")
	}
}

func TestPackageFiles(t *testing.T) {
	text := "Package: a\nFilename: ./a+b_1%3a2.deb\nSize: 12\nMD5sum: 00\nSHA256: aa\nSHA512: bb\n\nPackage: none\n\nFilename: pool/b.deb\nSize: many\n"
	var got []File
	if err := PackageFiles(strings.NewReader(text), func(f File) { got = append(got, f) }); err != nil {
		t.Fatal(err)
	}
	want := []File{
		{"a+b_1%3a2.deb", 12, map[string]string{"MD5Sum": "00", "SHA256": "aa", "SHA512": "bb"}},
		{"pool/b.deb", -1, nil},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if algorithm, sum := got[0].Strongest(); algorithm != "SHA512" || sum != "bb" {
		t.Error(algorithm, sum)
	}
}

func FuzzPackages(f *testing.F) {
	f.Add(index)
	f.Add("Package: a\nVersion: 1\nFilename: f\nDepends: a | b, c (>= 1) [amd64], ${x}\nProvides: , |\n")
	f.Fuzz(func(t *testing.T, text string) {
		var all []Package
		if err := Packages(strings.NewReader(text), func(p Package) { all = append(all, p) }); err != nil {
			return
		}
		if err := PackageFiles(strings.NewReader(text), func(File) {}); err != nil {
			t.Error(err)
		}
		var want []string
		for _, p := range all {
			want = append(want, p.Name)
		}
		got, _ := NewSet(all).Closure(want, nil)
		if len(got) > len(all) {
			t.Errorf("%d packages of %d", len(got), len(all))
		}
	})
}

func FuzzRelease(f *testing.F) {
	f.Add("SHA256:\n aa 1 main/binary-amd64/Packages.xz\n")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ReadRelease(strings.NewReader(text)); err == nil {
			r.Index("main", "amd64")
		}
	})
}
