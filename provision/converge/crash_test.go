package converge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/files"
	"rackhand/provision/converge/provider"
)

// crashIn makes this test binary an agent that is killed right after it changed a
// file in the fakes' folder that the variable names.
const crashIn = "RACKHAND_TEST_CRASH_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashIn); dir != "" {
		fmt.Println("the run was not killed:", crashingRun(dir))
		os.Exit(1)
	}
	if dir := os.Getenv(onceIn); dir != "" {
		fmt.Println(onceMore(dir))
		os.Exit(0)
	}
	if dir := os.Getenv(upgradeIn); dir != "" {
		os.Exit(upgradingAgent(dir, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// Where a run is killed, as the fakes' file kill says.
const (
	afterChange   = "after the change" // of the file, before anybody hears of it
	duringRefresh = "during the refresh"
)

type killedFiles struct {
	*files.Files
	at string
}

func (k killedFiles) Apply(ctx context.Context, file *catalog.File) error {
	if err := k.Files.Apply(ctx, file); err != nil || k.at != afterChange {
		return err
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

// logging is a provider of groups that can be notified, and logs that in a file.
type logging struct{ dir, at string }

func (l logging) Check(context.Context, *catalog.Resource) ([]string, error) { return nil, nil }
func (l logging) Apply(context.Context, *catalog.Resource) error             { return nil }

var _ provider.Refresher = logging{}

func (l logging) Refresh(context.Context, *catalog.Resource, bool) (string, error) {
	if l.at == duringRefresh {
		return "", syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	f, err := os.OpenFile(filepath.Join(l.dir, "refreshed"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString("once ")
	return "refreshed", errors.Join(err, f.Close())
}

func crashCatalog() *catalog.Catalog {
	return &catalog.Catalog{Resources: []catalog.Resource{
		file("/etc/web.conf", "one", "group[web]", "service[web]"), group("web"), service(catalog.Service{Name: "web"}),
	}}
}

func crashingRun(dir string) error {
	state, _, err := OpenState(filepath.Join(dir, "state.json"))
	if err != nil {
		return err
	}
	at, err := os.ReadFile(filepath.Join(dir, "kill"))
	if err != nil {
		return err
	}
	manager := &files.Files{Root: filepath.Join(dir, "root"), Runner: command.Exec{}, Random: strings.NewReader("random random")}
	e := &Engine{Files: killedFiles{manager, string(at)}, Providers: map[string]provider.Provider{catalog.KindGroup: logging{dir, string(at)}}, Services: Systemd{Runner: command.Exec{}}, Log: slog.New(slog.DiscardHandler), Clock: time.Now, Sleep: noSleep(new(int))}
	return fmt.Errorf("%+v", e.Converge(context.Background(), crashCatalog(), state, false))
}

// TestPendingRefreshSurvivesKill: a run is killed between the change of a file and the
// refreshes that it asks for, or during one of them. The next run makes them, of a service
// and of another kind.
func TestPendingRefreshSurvivesKill(t *testing.T) {
	for _, at := range []string{afterChange, duringRefresh} {
		t.Run(at, func(t *testing.T) {
			f := newFakes(t)
			f.write("units/web", "active\nenabled\n")
			f.write("kill", at)
			f.write("refreshed", "")
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), crashIn+"="+f.dir)
			out, err := cmd.CombinedOutput()
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
				t.Fatalf("the run was to be killed: %v\n%s", err, out)
			}
			if got := f.read("root/etc/web.conf"); got != "one" || f.actions() != "" || f.read("refreshed") != "" {
				t.Fatalf("the file holds %q", got)
			}
			run := func() []catalog.Result {
				e := f.engine()
				e.Providers = map[string]provider.Provider{catalog.KindGroup: logging{dir: f.dir}}
				return e.Converge(t.Context(), crashCatalog(), f.state(), false)
			}
			got := run()
			if got[0].Status != catalog.OK || got[1].Message != "refreshed, since file[/etc/web.conf] changed" || got[2].Status != catalog.Changed || f.actions() != "restart" || f.read("refreshed") != "once " {
				t.Errorf("the run after the crash: %+v", got)
			}
			if got := run(); Worst(got) != catalog.OK || f.read("refreshed") != "once " {
				t.Errorf("the run after that: %+v", got)
			}
		})
	}
}
