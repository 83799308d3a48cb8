package rpm

import (
	"reflect"
	"strings"
	"testing"
)

const repomd = `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo">
  <revision>1</revision>
  <data type="primary"><checksum type="sha256">aa</checksum><location href="repodata/aa-primary.xml.gz"/><size>12</size></data>
  <data type="group"><location href="repodata/bb-comps.xml"/></data>
</repomd>`

const primary = `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="6">
<package type="rpm"><name>nginx</name><arch>x86_64</arch><version epoch="1" ver="1.20.1" rel="14.el9"/>
 <location href="Packages/n/nginx-1.20.1-14.el9.x86_64.rpm"/>
 <format><rpm:provides><rpm:entry name="nginx"/><rpm:entry name="webserver"/></rpm:provides>
 <rpm:requires><rpm:entry name="libc.so.6()(64bit)"/><rpm:entry name="/bin/sh"/><rpm:entry name="rpmlib(FileDigests)"/><rpm:entry name="(a if b)"/></rpm:requires></format></package>
<package type="rpm"><name>nginx</name><arch>x86_64</arch><version epoch="1" ver="1.20.1" rel="9.el9"/>
 <location href="Packages/n/nginx-1.20.1-9.el9.x86_64.rpm"/><format/></package>
<package type="rpm"><name>glibc</name><arch>x86_64</arch><version epoch="0" ver="2.34" rel="60.el9"/>
 <location href="Packages/g/glibc.rpm"/><format><rpm:provides><rpm:entry name="libc.so.6()(64bit)"/></rpm:provides></format></package>
<package type="rpm"><name>glibc</name><arch>i686</arch><version epoch="0" ver="2.34" rel="60.el9"/>
 <location href="Packages/g/glibc.i686.rpm"/><format/></package>
<package type="rpm"><name>bash</name><arch>x86_64</arch><version epoch="0" ver="5.1.8" rel="6.el9"/>
 <location href="Packages/b/bash.rpm"/><format><rpm:requires><rpm:entry name="libc.so.6()(64bit)"/></rpm:requires><file>/bin/sh</file></format></package>
<package type="rpm"><name>busybox-shell</name><arch>noarch</arch><version epoch="0" ver="1" rel="1"/>
 <location href="Packages/b/busybox.rpm"/><format><file>/bin/sh</file></format></package>
<package type="rpm"><name>nginx</name><arch>src</arch><version epoch="0" ver="9" rel="9"/><location href="nginx.src.rpm"/><format/></package>
</metadata>`

const comps = `<comps>
<group><id>core</id><packagelist><packagereq type="mandatory">bash</packagereq><packagereq type="default">glibc</packagereq><packagereq type="optional">nginx</packagereq></packagelist></group>
<group><id>web</id><packagelist><packagereq type="mandatory">nginx</packagereq></packagelist></group>
<environment><id>minimal-environment</id><grouplist><groupid>core</groupid></grouplist></environment>
</comps>`

func packages(t *testing.T) []Package {
	t.Helper()
	var all []Package
	if err := Packages(strings.NewReader(primary), func(p Package) { all = append(all, p) }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPackageFiles(t *testing.T) {
	text := `<metadata xmlns:rpm="r" xmlns:xml="x"><package type="rpm"><name>g++</name><checksum type="sha256" pkgid="YES">
 aa </checksum><size installed="1" package="12"/><location href="../g++%3a.rpm"/>
 <format><location href="not/this"/><checksum type="md5">bb</checksum></format></package>
 <package><location xml:base="http://there/" href="a.rpm"/></package><package><location href="http://there/b.rpm"/></package>
 <package type="rpm"><arch>src</arch><location href="c.src.rpm"/></package></metadata>`
	var got []File
	if err := PackageFiles(strings.NewReader(text), func(f File) { got = append(got, f) }); err != nil {
		t.Fatal(err)
	}
	if want := []File{{"../g++%3a.rpm", 12, "sha256", "aa"}, {"c.src.rpm", -1, "", ""}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"", "text", "<metadata><package></metadata"} {
		if err := PackageFiles(strings.NewReader(bad), func(File) {}); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func FuzzPackageFiles(f *testing.F) {
	f.Add(primary)
	f.Add("<package><checksum><size/></package></package><location href='a'/>")
	f.Fuzz(func(t *testing.T, text string) {
		_ = PackageFiles(strings.NewReader(text), func(f File) { // An error is as good as none: it must not hang or panic.
			if f.Path == "" {
				t.Error("a file without a path")
			}
		})
	})
}

func TestReadRepomd(t *testing.T) {
	got, err := ReadRepomd(strings.NewReader(repomd))
	want := []Index{{"primary", "repodata/aa-primary.xml.gz", 12, "sha256", "aa"}, {"group", "repodata/bb-comps.xml", -1, "", ""}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "<html>", "<repomd></repomd>"} {
		if _, err := ReadRepomd(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestClosure(t *testing.T) {
	s := NewSet(packages(t), "x86_64")
	for _, c := range []struct {
		want, without string
		get, missing  string
	}{
		// The newest nginx, its dependencies, and of two shells the one with the shorter name.
		{"nginx", "", "Packages/b/bash.rpm Packages/g/glibc.rpm Packages/n/nginx-1.20.1-14.el9.x86_64.rpm", ""},
		{"nginx busybox-shell", "", "Packages/b/busybox.rpm Packages/g/glibc.rpm Packages/n/nginx-1.20.1-14.el9.x86_64.rpm", ""},
		{"webserver", "bash", "Packages/g/glibc.rpm Packages/n/nginx-1.20.1-14.el9.x86_64.rpm", ""},
		{"bash nowhere", "", "Packages/b/bash.rpm Packages/g/glibc.rpm", "nowhere"},
		{"", "", "", ""},
	} {
		get, missing := s.Closure(strings.Fields(c.want), strings.Fields(c.without))
		var paths []string
		for _, p := range get {
			paths = append(paths, p.Path)
		}
		if strings.Join(paths, " ") != c.get || strings.Join(missing, " ") != c.missing {
			t.Errorf("%q without %q: %v, missing %v", c.want, c.without, paths, missing)
		}
	}
}

func TestGroups(t *testing.T) {
	var g Groups
	if err := g.Add(strings.NewReader(comps)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id   string
		env  bool
		want string
		ok   bool
	}{
		{"core", false, "bash glibc", true},
		{"minimal-environment", true, "bash glibc", true},
		{"minimal-environment", false, "", false},
		{"none", true, "", false},
	} {
		got, ok := g.Packages(c.id, c.env)
		if strings.Join(got, " ") != c.want || ok != c.ok {
			t.Errorf("%s: %v, %v", c.id, got, ok)
		}
	}
	if err := g.Add(strings.NewReader("<comps><group>")); err == nil {
		t.Error("half a file is no error")
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		a, b Package
		want int
	}{
		{Package{Version: "1.10", Release: "1"}, Package{Version: "1.9", Release: "1"}, 1},
		{Package{Version: "1.0~rc1", Release: "1"}, Package{Version: "1.0", Release: "1"}, -1},
		{Package{Epoch: "1", Version: "1", Release: "1"}, Package{Version: "9", Release: "1"}, 1},
		{Package{Version: "1.0", Release: "14.el9"}, Package{Version: "1.0", Release: "9.el9"}, 1},
		{Package{Version: "1.0", Release: "1"}, Package{Epoch: "0", Version: "1.0", Release: "1"}, 0},
	} {
		if got := Compare(c.a, c.b); got != c.want {
			t.Errorf("%v %v: %d", c.a, c.b, got)
		}
	}
}

func FuzzPackages(f *testing.F) {
	f.Add(primary)
	f.Add("<metadata><package><name>a</name><location href='b'/></package>")
	f.Fuzz(func(t *testing.T, text string) {
		var all []Package
		if err := Packages(strings.NewReader(text), func(p Package) { all = append(all, p) }); err != nil {
			return
		}
		var want []string
		for _, p := range all {
			want = append(want, p.Name)
		}
		if get, _ := NewSet(all, "x86_64").Closure(want, nil); len(get) > len(all) {
			t.Errorf("%d packages of %d", len(get), len(all))
		}
	})
}

func FuzzIndexes(f *testing.F) {
	f.Add(repomd)
	f.Add(comps)
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = ReadRepomd(strings.NewReader(text))
		var g Groups
		if g.Add(strings.NewReader(text)) == nil {
			g.Packages("core", true)
		}
	})
}
