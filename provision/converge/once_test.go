package converge

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"path/filepath"
	"time"

	"rackhand/provision/converge/command"
	"rackhand/provision/converge/files"
	"rackhand/provision/converge/packages"
)

// onceIn makes this test binary an agent that makes one run in the fakes' folder that the
// variable names, with a clock of its own that is right.
const onceIn = "RACKHAND_TEST_ONCE_IN"

func onceMore(dir string) string {
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		return err.Error()
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	paths := Paths{Root: filepath.Join(dir, "root")}
	apt := &packages.Apt{Root: paths.Root, Runner: command.Exec{}, Sleep: Sleep, Clock: time.Now}
	contents := &Contents{Paths: paths, Log: log}
	a := &Agent{
		Paths: paths, Log: log, Clock: &testClock{now: at}, Sleep: noSleep(new(int)), Random: mrand.New(mrand.NewPCG(1, 2)), Keys: rand.Reader, Packages: apt,
		Synchronised: func() bool { return true }, Uptime: func() (string, time.Duration) { return "one", time.Hour },
		Engine: &Engine{
			Packages: apt, Services: Systemd{Paths: paths, Runner: command.Exec{}}, Log: log, Clock: time.Now, Sleep: noSleep(new(int)),
			Files: &files.Files{Root: paths.Root, Runner: command.Exec{}, Random: rand.Reader, Contents: contents}, Contents: contents,
		},
	}
	status, err := a.Once(context.Background(), false)
	return fmt.Sprintf("status %s, %v\n%s", status, err, &out)
}
