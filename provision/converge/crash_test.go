package converge

import (
	"context"
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

// killedFiles is killed after the change, before anybody hears of it.
type killedFiles struct{ *files.Files }

func (k killedFiles) Apply(ctx context.Context, file *catalog.File) error {
	if err := k.Files.Apply(ctx, file); err != nil {
		return err
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

func crashCatalog() *catalog.Catalog {
	return &catalog.Catalog{Resources: []catalog.Resource{
		file("/etc/web.conf", "one", "service[web]"), service(catalog.Service{Name: "web"}),
	}}
}

func crashingRun(dir string) error {
	state, _, err := OpenState(filepath.Join(dir, "state.json"))
	if err != nil {
		return err
	}
	manager := &files.Files{Root: filepath.Join(dir, "root"), Runner: command.Exec{}, Random: strings.NewReader("random random")}
	e := &Engine{Files: killedFiles{manager}, Services: Systemd{Runner: command.Exec{}}, Log: slog.New(slog.DiscardHandler), Clock: time.Now, Sleep: noSleep(new(int))}
	return fmt.Errorf("%+v", e.Converge(context.Background(), crashCatalog(), state, false))
}

// A run is killed between the change of a file and the restart that it asks for.
func TestPendingRestartSurvivesKill(t *testing.T) {
	f := newFakes(t)
	f.write("units/web", "active\nenabled\n")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashIn+"="+f.dir)
	out, err := cmd.CombinedOutput()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the run was to be killed: %v\n%s", err, out)
	}
	if got := f.read("root/etc/web.conf"); got != "one" || f.actions() != "" {
		t.Fatalf("the file holds %q", got)
	}
	got := f.converge(crashCatalog().Resources...)
	if got[0].Status != catalog.OK || got[1].Status != catalog.Changed || f.actions() != "restart" {
		t.Errorf("the run after the crash: %+v", got)
	}
	if got := f.converge(crashCatalog().Resources...); Worst(got) != catalog.OK {
		t.Errorf("the run after that: %+v", got)
	}
}
