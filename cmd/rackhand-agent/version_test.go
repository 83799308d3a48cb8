package main

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"rackhand/provision/converge"
	"rackhand/provision/converge/upgrade"
)

// TestGoOn: a program that took this one's place is started, whichever it is.
func TestGoOn(t *testing.T) {
	u := &upgrade.Upgrader{Program: upgrade.Program{Path: "/usr/local/sbin//rackhand-agent"}}
	other := errors.New("the state is gone")
	for _, tt := range []struct {
		err     error
		started string
	}{
		{nil, ""},
		{other, ""},
		{converge.ErrReplaced, "/usr/local/sbin/rackhand-agent"},
		{fmt.Errorf("starting: %w", upgrade.ErrRolledBack), "/usr/local/sbin/rackhand-agent"},
	} {
		started := ""
		err := goOn(tt.err, u, func(path string) error { started = path; return nil })
		if started != tt.started || tt.started == "" && err != tt.err || tt.started != "" && err != nil {
			t.Errorf("%v: %q was started, %v", tt.err, started, err)
		}
	}
	if err := goOn(converge.ErrReplaced, u, func(string) error { return os.ErrPermission }); !errors.Is(err, os.ErrPermission) {
		t.Errorf("a program that can't be started: %v", err)
	}
}
