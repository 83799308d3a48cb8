package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"rackhand/provision/usage"
)

type versionCmd struct{ jsonFlag }

// A build is what `rackhand version` says: the version that the linker was given, and what
// Go noted of the source and of itself.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"` // of git; "" when built outside a checkout
	Date    string `json:"date,omitempty"`   // of the commit, RFC 3339
	// Modified: the source had changes that were not committed.
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"` // linux/amd64
}

func (c *versionCmd) Run(p usage.Program, out io.Writer) error {
	info, _ := debug.ReadBuildInfo()
	b := buildOf(p.Version, info)
	if c.JSON {
		return printJSON(out, b)
	}
	_, err := io.WriteString(out, b.text())
	return err
}

// buildOf reads the settings that Go puts into a program; info may be nil.
func buildOf(version string, info *debug.BuildInfo) build {
	b := build{Version: version}
	if info == nil {
		return b
	}
	b.Go = info.GoVersion
	setting := map[string]string{}
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	b.Commit, b.Date, b.Modified = setting["vcs.revision"], setting["vcs.time"], setting["vcs.modified"] == "true"
	b.Platform = setting["GOOS"] + "/" + setting["GOARCH"]
	return b
}

func (b build) text() string {
	var t strings.Builder
	fmt.Fprintf(&t, "rackhand %s\n", b.Version)
	if b.Commit != "" {
		fmt.Fprintf(&t, "commit %s of %s", b.Commit, b.Date)
		if b.Modified {
			t.WriteString(", with changes that were not committed")
		}
		t.WriteString("\n")
	}
	fmt.Fprintf(&t, "built with %s for %s\n", b.Go, b.Platform)
	return t.String()
}
