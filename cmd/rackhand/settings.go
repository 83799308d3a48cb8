package main

import (
	"os"
	"path/filepath"

	"rackhand/config"
	"rackhand/provision/takeover"
)

// settingsFlags are those of the commands that work in the appliance's state folder
// themselves, whether it runs or not.
type settingsFlags struct {
	cfg *config.Config

	Config string `help:"The appliance's settings, which name its state folder." default:"${config}" type:"path"`
	State  string `help:"The appliance's state folder, instead of the settings'." type:"path"`
}

// AfterApply reads the settings. Without such a file it uses none: these commands also
// work before the appliance is set up.
func (f *settingsFlags) AfterApply() error {
	f.cfg = config.Default()
	if _, err := os.Stat(f.Config); err == nil {
		read, problems := config.Load(f.Config)
		if err := problems.Err(); err != nil {
			return err
		}
		f.cfg = read
	}
	if f.State != "" {
		f.cfg.State = f.State
	}
	return nil
}

// AfterRun gives what root has put into the state folder to the folder's owner: the service
// may run as a user of its own.
func (f *settingsFlags) AfterRun() error { return takeover.AsFolder(f.cfg.State) }

// folder is one of the state folder.
func (f *settingsFlags) folder(name string) string { return filepath.Join(f.cfg.State, name) }
