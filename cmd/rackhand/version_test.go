package main

import (
	"runtime/debug"
	"testing"
)

// TestBuildOf: what is said of a build from a checkout, of one with changes, and of one
// without git.
func TestBuildOf(t *testing.T) {
	base := []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "GOARCH", Value: "arm64"}}
	commit := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123abcd"}, {Key: "vcs.time", Value: "2026-12-01T13:00:00Z"}}
	for _, tt := range []struct {
		settings []debug.BuildSetting
		want     string
	}{
		{base, "rackhand 0.9.0\nbuilt with go1.26.8 for linux/arm64\n"},
		{append(commit, base...), "rackhand 0.9.0\ncommit 0123abcd of 2026-12-01T13:00:00Z\nbuilt with go1.26.8 for linux/arm64\n"},
		{
			append([]debug.BuildSetting{{Key: "vcs.modified", Value: "true"}}, append(commit, base...)...),
			"rackhand 0.9.0\ncommit 0123abcd of 2026-12-01T13:00:00Z, with changes that were not committed\nbuilt with go1.26.8 for linux/arm64\n",
		},
	} {
		if got := buildOf("0.9.0", &debug.BuildInfo{GoVersion: "go1.26.8", Settings: tt.settings}).text(); got != tt.want {
			t.Errorf("%s\nwant\n%s", got, tt.want)
		}
	}
}
