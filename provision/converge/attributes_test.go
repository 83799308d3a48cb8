package converge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/packages"
	"rackhand/provision/converge/provider"
)

// flaky is a provider of groups that fails so many times.
type flaky struct {
	fails int
	half  bool // it brings the group about all the same
	made  bool
	calls int
}

func (f *flaky) Check(context.Context, *catalog.Resource) ([]string, error) {
	if f.made {
		return nil, nil
	}
	return []string{"made"}, nil
}

func (f *flaky) Apply(context.Context, *catalog.Resource) error {
	f.calls++
	if f.fails--; f.fails >= 0 {
		f.made = f.half
		return errors.New("the mirror is away")
	}
	f.made = true
	return nil
}

func group(name string) catalog.Resource {
	return catalog.Resource{ID: catalog.ID(catalog.KindGroup, name), Group: &catalog.Group{Name: name, Ensure: catalog.Present}}
}

// TestRetry: work that fails is tried as often as the resource says, each failed try is in
// the log, and the result says how many there were.
func TestRetry(t *testing.T) {
	for _, tt := range []struct {
		name         string
		fails, tries int
		half         bool
		deadline     int
		want         string
		calls, waits int
	}{
		{"at once", 0, 3, false, 0, "changed made", 1, 0},
		{"at the third time", 2, 3, false, 0, "changed made; after 3 tries", 3, 2},
		{"never", 9, 3, false, 0, "failed after 3 tries: the mirror is away", 3, 2},
		{"without retry", 9, 0, false, 0, "failed the mirror is away", 1, 0},
		{"one try", 9, 1, false, 0, "failed the mirror is away", 1, 0},
		{"failed, and made all the same", 1, 3, true, 0, "changed made; after 2 tries", 1, 1},
		{"the deadline comes first", 9, 3, false, 5, "failed the mirror is away", 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newTestHost(t)
			p := &flaky{fails: tt.fails, half: tt.half}
			r.Engine.Providers = map[string]provider.Provider{catalog.KindGroup: p}
			res := group("www")
			if res.Deadline = tt.deadline; tt.tries > 0 {
				res.Retry = &catalog.Retry{Tries: tt.tries, Wait: 10}
			}
			waits := 0
			r.Engine.Sleep = func(ctx context.Context, d time.Duration) error {
				if d != 10*time.Second {
					t.Errorf("it waits for %s", d)
				}
				waits++
				return ctx.Err()
			}
			got := r.Engine.Converge(t.Context(), &catalog.Catalog{Resources: []catalog.Resource{res}}, r.state(), false)
			if text := got[0].Status + " " + got[0].Message; text != tt.want || p.calls != tt.calls || waits != tt.waits {
				t.Errorf("%q after %d calls and %d waits", text, p.calls, waits)
			}
			if n := strings.Count(r.out.String(), `level=WARN msg="failed, and is tried again" resource=group[www]`); n != tt.waits {
				t.Errorf("%d warnings in\n%s", n, r.out)
			}
		})
	}
}

// TestRetryPackagesAndServices: packages are tried again in a transaction of their own, and a
// service that doesn't stay up is started again.
func TestRetryPackagesAndServices(t *testing.T) {
	f := newFakes(t)
	f.write("upstream", "nginx\ncurl\n")
	f.write("apt-fails", "E: Failed to fetch http://mirror/curl  404  Not Found\nE: Failed to fetch http://mirror/curl  404  Not Found\n")
	curl, nginx := pkg("curl", "present"), pkg("nginx", "present")
	curl.Retry = &catalog.Retry{Tries: 4, Wait: 1}
	nginx.Retry = curl.Retry
	got := statuses(f.engine().Converge(t.Context(), &catalog.Catalog{Resources: []catalog.Resource{curl, nginx}}, f.state(), false))
	for i, name := range []string{"curl", "nginx"} {
		if !strings.HasPrefix(got[i], "package["+name+"] changed installed 1.0; after ") {
			t.Errorf("%q", got[i])
		}
	}
	f = newFakes(t)
	f.write("upstream", "curl\n")
	f.write("apt-fails", "E: Failed to fetch http://mirror/InRelease\nE: Failed to fetch http://mirror/InRelease\n")
	latest := pkg("curl", catalog.Latest)
	latest.Retry = &catalog.Retry{Tries: 3, Wait: 1}
	if got := f.engine().Converge(t.Context(), &catalog.Catalog{Resources: []catalog.Resource{latest}}, f.state(), false)[0]; got.Status != catalog.Changed {
		t.Errorf("an index that can't be fetched at first: %+v", got)
	}
	web := service(catalog.Service{Name: "web", Running: yes()})
	web.Retry = &catalog.Retry{Tries: 2}
	if got := f.converge(web)[0]; got.Status != catalog.Failed || !strings.HasPrefix(got.Message, "after 2 tries: systemctl start") || f.actions() != "start start" {
		t.Errorf("without a unit: %+v", got)
	}
	f.write("units/web", "inactive\ndisabled\n")
	e := f.engine()
	looks := 0
	e.Sleep = func(ctx context.Context, _ time.Duration) error {
		if looks++; looks == 2 { // it dies once, while it is watched
			f.write("units/web", "failed\ndisabled\n")
		}
		return ctx.Err()
	}
	if got := e.Converge(t.Context(), &catalog.Catalog{Resources: []catalog.Resource{web}}, f.state(), false)[0]; got.Status != catalog.Changed || got.Message != "started; after 2 tries" {
		t.Errorf("it dies once: %+v", got)
	}
	if got := f.actions(); got != "start reset-failed start" {
		t.Errorf("actions %q", got)
	}
}

// TestOnlyOn: what is for the first boot is brought about until a run had no failure, and
// never looked at after that, nor once the state is lost.
func TestOnlyOn(t *testing.T) {
	r := newTestHost(t)
	first := file("/etc/issue", "first\n")
	first.OnlyOn = []string{catalog.FirstBoot}
	bad := file("/no/such/folder/x", "x")
	r.app.catalog.Resources = []catalog.Resource{first, bad}
	r.once(catalog.Failed)
	r.write("root/etc/issue", "by hand\n")
	r.restart()
	r.once(catalog.Failed)
	if got := r.read("root/etc/issue"); got != "first\n" {
		t.Errorf("before the first good run: %q", got)
	}
	pkgs := pkg("never", "present")
	pkgs.OnlyOn = first.OnlyOn
	r.app.catalog.Version, r.app.catalog.Resources = "2", []catalog.Resource{first}
	r.once(catalog.OK)
	r.write("root/etc/issue", "by hand\n")
	r.app.catalog.Version, r.app.catalog.Resources = "3", []catalog.Resource{first, pkgs}
	later := func() {
		t.Helper()
		r.restart()
		r.once(catalog.OK)
		last := r.app.reports[len(r.app.reports)-1]
		if got := statuses(last.Results); !slices.Equal(got, []string{"file[/etc/issue] ok only on the first boot", "package[never] ok only on the first boot"}) || r.read("root/etc/issue") != "by hand\n" {
			t.Errorf("%v", got)
		}
	}
	later()
	r.write("root/var/lib/rackhand-agent/state.json", "{")
	later()
}

// TestTags: a run with tags takes the resources that have one, and what they require. It
// doesn't count as a run of the host: neither for the first boot, nor for drift.
func TestTags(t *testing.T) {
	r := newTestHost(t)
	folder := catalog.Resource{ID: "file[/srv/www]", File: &catalog.File{Path: "/srv/www", Ensure: catalog.Directory}}
	page := file("/srv/www/index.html", "hello", "service[web]")
	page.Require, page.Tags = []string{folder.ID}, []string{"site", "all"}
	other := file("/etc/motd", "other\n")
	other.Tags = []string{"base"}
	first := file("/etc/first", "x")
	first.OnlyOn = []string{catalog.FirstBoot}
	r.write("root/srv/.keep", "")
	r.write("units/web", "active\nenabled\n")
	r.app.catalog.Resources = []catalog.Resource{folder, page, other, first, service(catalog.Service{Name: "web"})}
	run := func(demand Demand, want string) catalog.Report {
		t.Helper()
		got, err := r.Make(t.Context(), demand)
		if err != nil || got.Status != want {
			t.Fatalf("%+v, %v\n%s", got, err, r.out)
		}
		return got
	}
	ids := func(results []catalog.Result) (out []string) {
		for _, x := range results {
			out = append(out, x.Status+" "+x.ID)
		}
		return out
	}
	got := run(Demand{Tags: []string{"site", "x"}}, catalog.Changed)
	if want := []string{"changed file[/srv/www]", "changed file[/srv/www/index.html]"}; !slices.Equal(ids(got.Results), want) || r.exists("root/etc/motd") || r.exists("root/etc/first") {
		t.Errorf("%q", ids(got.Results))
	}
	if !slices.Contains(got.Warnings, "the next run without tags refreshes service[web]") || len(r.app.reports) != 0 || len(r.app.progress) != 0 {
		t.Errorf("%q, and the appliance, which knows no tags, heard %+v", got.Warnings, r.app.reports)
	}
	if dry := run(Demand{Tags: []string{"all"}, Noop: true}, catalog.OK); len(dry.Results) != 2 {
		t.Errorf("a dry run: %+v", dry)
	}
	r.app.tags = true
	r.restart()
	if none := run(Demand{Tags: []string{"no"}}, catalog.OK); len(none.Results) != 0 || !strings.Contains(fmt.Sprint(none.Warnings), "no resource of this host has one of the tags no") {
		t.Errorf("a tag that isn't there: %+v", none)
	}
	if len(r.app.reports) != 1 || !slices.Equal(r.app.reports[0].Tags, []string{"no"}) {
		t.Errorf("reported: %+v", r.app.reports)
	}
	whole := run(Demand{}, catalog.Changed)
	if want := []string{"ok file[/srv/www]", "ok file[/srv/www/index.html]", "changed file[/etc/motd]", "changed file[/etc/first]", "changed service[web]"}; !slices.Equal(ids(whole.Results), want) {
		t.Errorf("the whole run: %q", ids(whole.Results))
	}
	r.write("root/etc/motd", "by hand\n")
	r.write("root/srv/www/index.html", "by hand")
	if got := run(Demand{Tags: []string{"site"}}, catalog.Changed); got.Results[1].Cause != catalog.CauseDrift {
		t.Errorf("%+v", got.Results)
	}
	if got := run(Demand{}, catalog.Changed); got.Results[2].Cause != catalog.CauseDrift || got.Results[4].Status != catalog.Changed {
		t.Errorf("%+v", got.Results)
	}
	with, err := r.app.catalog.WithChecks([]catalog.Check{exists("/no/such/file", 1)})
	if err != nil {
		t.Fatal(err)
	}
	r.app.catalog = with
	if got := run(Demand{Tags: []string{"site"}}, catalog.OK); len(got.Checks) != 0 {
		t.Errorf("checks of the host were made: %+v", got.Checks)
	}
}

// declaring notes the packages that the catalog declares, as it gets them.
type declaring struct {
	PackageManager
	declared map[string]string
}

func (d *declaring) Apply(ctx context.Context, wanted []catalog.Package, declared map[string]string) (packages.Outcome, error) {
	d.declared = declared
	return d.PackageManager.Apply(ctx, wanted, declared)
}

// TestTagsKeepDeclaredPackages: a run with tags still knows the packages of the whole
// catalog, so that none of them goes with another.
func TestTagsKeepDeclaredPackages(t *testing.T) {
	f := newFakes(t)
	e := f.engine()
	manager := &declaring{PackageManager: e.Packages}
	e.Packages = manager
	tagged := pkg("curl", "present")
	tagged.Tags = []string{"web"}
	f.write("upstream", "curl\n")
	e.ConvergeAs(t.Context(), &catalog.Catalog{Resources: []catalog.Resource{tagged, pkg("nginx", "present")}}, f.state(), Mode{Tags: []string{"web"}})
	if manager.declared["nginx"] != catalog.Present {
		t.Errorf("declared are %v", manager.declared)
	}
}

// refreshing is a provider of groups whose refresh fails so many times.
type refreshing struct {
	flaky
	fails, refreshed int
}

var _ provider.Refresher = (*refreshing)(nil)

func (f *refreshing) Refresh(_ context.Context, _ *catalog.Resource, noop bool) (string, error) {
	if noop {
		return "refreshed", nil
	}
	if f.fails--; f.fails >= 0 {
		return "", errors.New("no route")
	}
	f.refreshed++
	return "refreshed", nil
}

// TestRefreshOfAnyKind: a refresh that fails stays pending until it succeeds, in the same run
// where the resource is retried. One that is to wait for the maintenance window does so.
func TestRefreshOfAnyKind(t *testing.T) {
	f := newFakes(t)
	p := &refreshing{fails: 2, flaky: flaky{made: true}}
	e := f.engine()
	e.Providers = map[string]provider.Provider{catalog.KindGroup: p}
	res := group("web")
	content := "one"
	run := func(mode Mode) string {
		t.Helper()
		got := e.ConvergeAs(t.Context(), &catalog.Catalog{Resources: []catalog.Resource{file("/etc/web.conf", content, "group[web]"), res}}, f.state(), mode)
		return strings.TrimSpace(got[1].Status + " " + got[1].Message)
	}
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	const since = ", since file[/etc/web.conf] changed"
	check(run(Mode{}), "failed no route (the refresh stays pending)")
	check(run(Mode{}), "failed no route (the refresh stays pending)")
	check(run(Mode{}), "changed refreshed"+since)
	check(run(Mode{}), "ok")
	content, p.fails, res.Retry = "two", 2, &catalog.Retry{Tries: 3}
	check(run(Mode{}), "changed refreshed"+since+"; after 3 tries")
	closed := Mode{Hold: func() string { return "Sat 02:00" }}
	content = "three"
	check(run(closed), "changed refreshed"+since)
	content, res.InWindow = "four", true
	check(run(Mode{Hold: closed.Hold, Noop: true}), "pending refresh pending until Sat 02:00"+since)
	check(run(closed), "pending refresh pending until Sat 02:00"+since)
	check(run(closed), "pending refresh pending until Sat 02:00"+since)
	if p.refreshed != 3 {
		t.Errorf("it was refreshed %d times", p.refreshed)
	}
	check(run(Mode{}), "changed refreshed"+since)
	check(run(Mode{}), "ok")
}
