package drift_test

import (
	"encoding/json"
	"strings"
	"testing"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/drift"
)

func file(path, content string) catalog.Resource {
	return catalog.Resource{ID: "file[" + path + "]", File: &catalog.File{Path: path, Ensure: "file", Content: content}}
}

func service(name string) catalog.Resource {
	running := true
	return catalog.Resource{ID: "service[" + name + "]", Service: &catalog.Service{Name: name, Running: &running}}
}

func pkg(name, ensure string) catalog.Resource {
	return catalog.Resource{ID: "package[" + name + "]", Package: &catalog.Package{Name: name, Ensure: ensure}}
}

func with(res catalog.Resource, notify, require string) catalog.Resource {
	if notify != "" {
		res.Notify = []string{notify}
	}
	if require != "" {
		res.Require = []string{require}
	}
	return res
}

func secret(path, content string) catalog.Resource {
	res := file(path, content)
	res.File.Sensitive = true
	return res
}

// byHash is a file in a catalog of format 2.
func byHash(res catalog.Resource) catalog.Resource {
	f := *res.File
	f.SHA256, f.Size, f.Content = catalog.Sum(f.Content), int64(len(f.Content)), ""
	res.File = &f
	return res
}

// A step is a run: a letter for each resource says what became of it (o: ok, c: changed,
// r: refreshed alone, f: failed, s: skipped), and want is the cause of each, "-" for none.
type step struct {
	version   string
	resources []catalog.Resource
	did       string
	want      string
	due, boot string
}

// TestJudge plays runs in a row, with the memory on disk in between.
func TestJudge(t *testing.T) {
	motd, web := file("/etc/motd", "hello"), service("web")
	elsewhere := motd
	elsewhere.Source, elsewhere.Deadline = "roles/web.yaml:99:1", 5
	line := catalog.Resource{ID: "line[x]", Line: &catalog.Line{Name: "x", Ensure: catalog.Present, Text: "x", Edited: catalog.Edited{Path: "/run/x"}}}
	conf := with(file("/etc/web.conf", "x"), web.ID, "")
	for name, steps := range map[string][]step{
		"a first run":                    {{"1", []catalog.Resource{motd, web}, "cc", "first first", "", ""}},
		"held, and changed behind":       {{"1", []catalog.Resource{motd}, "c", "first", "", ""}, {"1", []catalog.Resource{motd}, "o", "-", "", ""}, {"1", []catalog.Resource{motd}, "c", "drift", "", ""}, {"1", []catalog.Resource{motd}, "c", "drift", "", ""}},
		"held from the start":            {{"1", []catalog.Resource{motd}, "o", "-", "", ""}, {"1", []catalog.Resource{motd}, "c", "drift", "", ""}},
		"the catalog changed":            {{"1", []catalog.Resource{motd}, "o", "-", "", ""}, {"2", []catalog.Resource{file("/etc/motd", "bye")}, "c", "catalog", "", ""}, {"2", []catalog.Resource{file("/etc/motd", "bye")}, "c", "drift", "", ""}},
		"a new resource":                 {{"1", []catalog.Resource{motd}, "o", "-", "", ""}, {"2", []catalog.Resource{motd, web}, "oc", "- catalog", "", ""}},
		"another part of it changed":     {{"1", []catalog.Resource{motd, web}, "oo", "- -", "", ""}, {"2", []catalog.Resource{motd, service("db")}, "cc", "drift catalog", "", ""}},
		"declared elsewhere":             {{"1", []catalog.Resource{motd}, "o", "-", "", ""}, {"2", []catalog.Resource{elsewhere}, "c", "drift", "", ""}},
		"held at once under the new one": {{"1", []catalog.Resource{motd}, "o", "-", "", ""}, {"2", []catalog.Resource{file("/etc/motd", "bye")}, "o", "-", "", ""}, {"2", []catalog.Resource{file("/etc/motd", "bye")}, "c", "drift", "", ""}},
		"failed at first":                {{"1", []catalog.Resource{motd}, "o", "-", "", ""}, {"1", []catalog.Resource{motd}, "f", "-", "", ""}, {"1", []catalog.Resource{motd}, "c", "drift", "", ""}},
		"the new one failed, back":       {{"1", []catalog.Resource{motd, web}, "oo", "- -", "", ""}, {"2", []catalog.Resource{file("/etc/motd", "bye"), web}, "fo", "- -", "", ""}, {"1", []catalog.Resource{motd, web}, "cc", "catalog drift", "", ""}},
		"never held":                     {{"1", []catalog.Resource{motd, web}, "of", "- -", "", ""}, {"1", []catalog.Resource{motd, web}, "oc", "- catalog", "", ""}},
		"gone and back":                  {{"1", []catalog.Resource{motd, web}, "oo", "- -", "", ""}, {"2", []catalog.Resource{web}, "o", "-", "", ""}, {"3", []catalog.Resource{motd, web}, "co", "catalog -", "", ""}},
		"skipped meanwhile":              {{"1", []catalog.Resource{motd, web}, "oo", "- -", "", ""}, {"1", []catalog.Resource{motd, web}, "fs", "- -", "", ""}, {"1", []catalog.Resource{motd, web}, "oc", "- drift", "", ""}},
		"notified by the catalog":        {{"1", []catalog.Resource{conf, web}, "oo", "- -", "", ""}, {"2", []catalog.Resource{with(file("/etc/web.conf", "y"), web.ID, ""), web}, "cc", "catalog follows", "", ""}},
		"notified by drift":              {{"1", []catalog.Resource{conf, web}, "oo", "- -", "", ""}, {"1", []catalog.Resource{conf, web}, "cr", "drift follows", "", ""}},
		"down, and notified by drift":    {{"1", []catalog.Resource{conf, web}, "oo", "- -", "", ""}, {"1", []catalog.Resource{conf, web}, "cc", "drift drift", "", ""}},
		"a restart that was pending":     {{"1", []catalog.Resource{conf, web}, "of", "- -", "", ""}, {"1", []catalog.Resource{conf, web}, "oo", "- -", "", ""}, {"1", []catalog.Resource{conf, web}, "oc", "- follows", web.ID, ""}},
		"a service that died":            {{"1", []catalog.Resource{conf, web}, "oo", "- -", "", ""}, {"1", []catalog.Resource{conf, web}, "oc", "- drift", "", ""}},
		"a package's other version":      {{"1", []catalog.Resource{pkg("web", "1"), with(motd, "", "package[web]")}, "oo", "- -", "", ""}, {"2", []catalog.Resource{pkg("web", "2"), with(motd, "", "package[web]")}, "cc", "catalog follows", "", ""}},
		"a package upgraded by hand":     {{"1", []catalog.Resource{pkg("web", "1")}, "o", "-", "", ""}, {"1", []catalog.Resource{pkg("web", "1")}, "c", "drift", "", ""}},
		"removed with what it brought":   {{"1", []catalog.Resource{pkg("web", "1"), with(web, "", "package[web]")}, "oo", "- -", "", ""}, {"1", []catalog.Resource{pkg("web", "1"), with(web, "", "package[web]")}, "cc", "drift drift", "", ""}},
		"a boot":                         {{"1", []catalog.Resource{motd, web, file("/run/x", "")}, "ooo", "- - -", "", "a"}, {"1", []catalog.Resource{motd, web, file("/run/x", "")}, "ccc", "drift boot boot", "", "b"}, {"1", []catalog.Resource{motd, web, file("/run/x", "")}, "ccc", "drift drift drift", "", "b"}},
		"a boot, and a line":             {{"1", []catalog.Resource{line}, "o", "-", "", "a"}, {"1", []catalog.Resource{line}, "c", "boot", "", "b"}},
		"a boot, and a change":           {{"1", []catalog.Resource{web}, "o", "-", "", "a"}, {"2", []catalog.Resource{{ID: web.ID, Service: &catalog.Service{Name: "web"}}}, "c", "catalog", "", "b"}},
		"a secret":                       {{"1", []catalog.Resource{secret("/etc/key", "hunter2")}, "o", "-", "", ""}, {"1", []catalog.Resource{secret("/etc/key", "hunter2")}, "c", "drift", "", ""}},
		"a secret outside the catalog":   {{"1", []catalog.Resource{secret("/etc/key", "")}, "o", "-", "", ""}, {"1", []catalog.Resource{secret("/etc/key", "")}, "c", "secret", "", ""}, {"2", []catalog.Resource{secret("/etc/key", "")}, "c", "secret", "", ""}},
		"another format of the catalog":  {{"1", []catalog.Resource{motd}, "o", "-", "", ""}, {"2", []catalog.Resource{byHash(motd)}, "c", "drift", "", ""}},
		"another secret":                 {{"1", []catalog.Resource{secret("/etc/key", "hunter2")}, "o", "-", "", ""}, {"2", []catalog.Resource{secret("/etc/key", "hunter3")}, "c", "catalog", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			var m drift.Memory
			for i, s := range steps {
				var results []catalog.Result
				for k, letter := range s.did {
					status := map[rune]string{'o': catalog.OK, 'c': catalog.Changed, 'r': catalog.Changed, 'f': catalog.Failed, 's': catalog.Skipped}[letter]
					results = append(results, catalog.Result{ID: s.resources[k].ID, Status: status, OnlyRefreshed: letter == 'r'})
				}
				m = m.Judge(drift.Run{Catalog: &catalog.Catalog{Version: s.version, Resources: s.resources}, Boot: s.boot, Due: map[string]bool{s.due: true}}, results)
				var got []string
				for _, r := range results {
					if r.Cause == "" {
						r.Cause = "-"
					}
					got = append(got, r.Cause)
				}
				if text := strings.Join(got, " "); text != s.want {
					t.Errorf("run %d: %s, want %s", i+1, text, s.want)
				}
				b, err := json.Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				m = drift.Memory{}
				if err := json.Unmarshal(b, &m); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// What is kept tells nothing of a secret: not even whether it is another one.
func TestHashOfASecret(t *testing.T) {
	if drift.Hash(secret("/a", "hunter2"), "1") != drift.Hash(secret("/a", "hunter3"), "1") {
		t.Error("the hash depends on a sensitive content")
	}
	if drift.Hash(file("/a", "x"), "1") == drift.Hash(file("/a", "y"), "1") || drift.Hash(file("/a", "x"), "1") != drift.Hash(file("/a", "x"), "2") {
		t.Error("the hash of a plain file is of its content, not of the catalog's version")
	}
}
