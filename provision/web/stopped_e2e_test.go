//go:build e2e

package web_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestCurlBreaksOff lets curl break off a kernel and an initrd, as boot loaders and
// dracut do, and then fetch in the ways that are healthy.
func TestCurlBreaksOff(t *testing.T) {
	r, at := onLoopback(t)
	r.arm("web1")
	curl := func(args ...string) string {
		out, _ := exec.CommandContext(t.Context(), "curl", append([]string{"-sS", "--interface", "127.0.0.11", "-o", "/dev/null"}, args...)...).CombinedOutput()
		return string(out)
	}
	url := "http://" + at + "/image/debian12/vmlinuz"
	if out := curl("--max-time", "1", "--limit-rate", "1M", url); !strings.Contains(out, "(28)") {
		t.Errorf("curl: %s", out)
	}
	if e := r.awaitKinds("web1", "fetch-stopped", 1)[0]; e.Fields["why"] != "closed" || e.Fields["file"] != "vmlinuz" {
		t.Errorf("event %+v", e)
	}
	r.later += 2 * 60e9
	for _, args := range [][]string{{"--head", url}, {"--range", "0-4095", url}, {"--range", "4096-8191", url}, {"--range", "-4096", url}, {url}} {
		if out := curl(append([]string{"--fail"}, args...)...); out != "" {
			t.Errorf("curl %v: %s", args, out)
		}
	}
	if n := len(r.awaitKinds("web1", "fetch-stopped", 1)); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}
