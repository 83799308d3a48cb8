package catalog

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	pkg := func(name, ensure string) Resource {
		return Resource{ID: ID(KindPackage, name), Package: &Package{Name: name, Ensure: ensure}}
	}
	file := func(f File) Resource { return Resource{ID: ID(KindFile, f.Path), File: &f} }
	svc := func(s Service) Resource { return Resource{ID: ID(KindService, s.Name), Service: &s} }
	with := func(r Resource, f func(*Resource)) Resource { f(&r); return r }
	tests := []struct {
		name string
		in   []Resource
		want string // part of the error; "" for none
	}{
		{"empty", nil, ""},
		{"all kinds", []Resource{
			pkg("libstdc++6:i386", Present), pkg("nginx", "1.22.1-9+deb12u1"), pkg("x", "1:2~rc1"),
			file(File{Path: "/etc/motd", Ensure: FileKind, Mode: "0644", Owner: "www-data", Group: "33"}),
			file(File{Path: "/srv", Ensure: Directory}), file(File{Path: "/x", Ensure: Absent}),
			svc(Service{Name: "getty@tty1.service", Refresh: Reload}),
		}, ""},
		{"option as a package", []Resource{pkg("-oFoo", Present)}, "not a valid package name"},
		{"glob as a package", []Resource{pkg("ngin*", Present)}, "not a valid package name"},
		{"removal as a package", []Resource{pkg("nginx-", Present)}, "not a valid package name"},
		{"removal as an architecture", []Resource{pkg("nginx:i386-", Present)}, "not a valid package name"},
		{"empty ensure", []Resource{pkg("nginx", "")}, "present, latest, absent, purged or a version"},
		{"option as a version", []Resource{pkg("nginx", "-1")}, "present, latest, absent, purged or a version"},
		{"relative path", []Resource{file(File{Path: "etc/motd", Ensure: FileKind})}, "absolute"},
		{"climbing path", []Resource{file(File{Path: "/etc/../x", Ensure: FileKind})}, `"/x"`},
		{"the root", []Resource{file(File{Path: "/", Ensure: Directory})}, `"/"`},
		{"bad mode", []Resource{file(File{Path: "/x", Ensure: FileKind, Mode: "rw"})}, "octal"},
		{"big mode", []Resource{file(File{Path: "/x", Ensure: FileKind, Mode: "17777"})}, "octal"},
		{"bad owner", []Resource{file(File{Path: "/x", Ensure: FileKind, Owner: "-R"})}, "not a valid user name"},
		{"content of a directory", []Resource{file(File{Path: "/x", Ensure: Directory, Content: "x"})}, "ensure: file"},
		{"option as a service", []Resource{svc(Service{Name: "--now"})}, "not a valid service name"},
		{"unknown refresh", []Resource{svc(Service{Name: "x", Refresh: "kick"})}, "restart or reload"},
		{"nothing set", []Resource{{ID: "x"}}, "exactly one"},
		{"two set", []Resource{{ID: "x", Package: &Package{Name: "x", Ensure: Present}, Service: &Service{Name: "x"}}}, "exactly one"},
		{"another's id", []Resource{with(pkg("a", Present), func(r *Resource) { r.ID = "package[b]" })}, `"package[a]"`},
		{"twice", []Resource{pkg("a", Present), pkg("a", Present)}, "twice"},
		{"requires a later one", []Resource{with(pkg("a", Present), func(r *Resource) { r.Require = []string{"package[b]"} }), pkg("b", Present)}, "does not come before"},
		{"notifies a package", []Resource{with(pkg("a", Present), func(r *Resource) { r.Notify = []string{"package[a]"} })}, "can't be notified"},
		{"notifies an earlier one", []Resource{svc(Service{Name: "s"}), with(pkg("a", Present), func(r *Resource) { r.Notify = []string{"service[s]"} })}, "does not come after"},
		{"negative deadline", []Resource{with(pkg("a", Present), func(r *Resource) { r.Deadline = -1 })}, "deadline"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := (&Catalog{Resources: tt.in}).Validate()
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Fatalf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestVersionNamesTheResources(t *testing.T) {
	a := []Resource{{ID: "service[x]", Service: &Service{Name: "x"}}}
	b := []Resource{{ID: "service[y]", Service: &Service{Name: "y"}}}
	va, err := Version(a)
	if err != nil || len(va) != 16 {
		t.Fatalf("Version = %q, %v", va, err)
	}
	if again, _ := Version(a); again != va {
		t.Errorf("the same resources have versions %s and %s", va, again)
	}
	if vb, _ := Version(b); vb == va {
		t.Errorf("other resources have the same version %s", vb)
	}
}

// FuzzValidate: whatever JSON an agent is handed, looking at it does not panic,
// and what passes holds no argument that begins with a dash.
func FuzzValidate(f *testing.F) {
	f.Add([]byte(`{"resources":[{"id":"package[a]","package":{"name":"a","ensure":"present"}}]}`))
	f.Add([]byte(`{"resources":[{"id":"service[-a]","service":{"name":"-a"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Catalog
		if json.Unmarshal(data, &c) != nil || c.Validate() != nil {
			return
		}
		for _, r := range c.Resources {
			if r.Package != nil && strings.HasPrefix(r.Package.Name, "-") || r.Service != nil && strings.HasPrefix(r.Service.Name, "-") {
				t.Fatalf("an option got through: %+v", r)
			}
		}
	})
}
