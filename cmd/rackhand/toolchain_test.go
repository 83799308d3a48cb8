package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestToolchainSums: for each processor, the toolchain that go.mod asks for has its
// checksum, so that a machine with an older Go can fetch it.
func TestToolchainSums(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("../../.ci/toolchain.sum")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(mod)
	if version == nil {
		t.Fatal("go.mod names no version of Go")
	}
	for _, arch := range []string{"amd64", "arm64"} {
		for _, what := range []string{"", "/go.mod"} {
			line := "golang.org/toolchain v0.0.1-go" + string(version[1]) + ".linux-" + arch + what + " h1:"
			if !strings.Contains(string(sums), line) {
				t.Errorf(".ci/toolchain.sum lacks %q; `go mod download -json golang.org/toolchain@...` prints both sums", line)
			}
		}
	}
}
