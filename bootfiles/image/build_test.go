package image

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestExplain(t *testing.T) {
	for output, want := range map[string]string{
		"dpkg: error: cannot copy: No space left on device":      "make room",
		"W: GPG error: NO_PUBKEY 0123":                           "debian-archive-keyring",
		"E: Unable to locate package linux-image-amd64":          "bookworm main",
		"E: something new":                                       "its last lines",
		"Err:1 http://m bookworm InRelease Could not connect to": "proxy",
	} {
		err := explainDeb(&toolError{errors.New("exit status 25"), output}, bookworm())
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), output) {
			t.Errorf("%q is explained as %v", output, err)
		}
	}
	if err := withHint(fmt.Errorf("pack: %w", unix.ENOSPC)); !strings.Contains(err.Error(), "make room") || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
}

func TestBuildRefuses(t *testing.T) {
	for want, o := range map[string]Options{
		"can't be an image's name": {Name: "../x", Installer: []byte("i")},
		"installer is empty":       {Name: "debian12"},
	} {
		o.Dir = t.TempDir()
		if _, err := Build(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestLastLines(t *testing.T) {
	l := &lastLines{log: slog.New(slog.DiscardHandler), max: 2}
	for _, p := range []string{"one\ntw", "o\n\n10%\r50%\r100%\nthr", "ee"} {
		if n, err := l.Write([]byte(p)); n != len(p) || err != nil {
			t.Fatal(n, err)
		}
	}
	l.flush()
	if got, want := l.text(), "100%\nthree"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := l.Write([]byte(strings.Repeat("x", 1<<20))); err != nil || len(l.partial) > 4096 {
		t.Errorf("a line without an end grows to %d bytes (%v)", len(l.partial), err)
	}
}

func TestArgs(t *testing.T) {
	args := strings.Join(debootstrapArgs(bookworm(), "/r", "/s", "/o.tar"), " ")
	for _, want := range []string{"--mode=root", "--setup-hook=tar-in /o.tar /", "usr-is-merged", "linux-image-amd64", "/usr/share/doc/*/copyright bookworm /r /s"} {
		if !strings.Contains(args, want) {
			t.Errorf("the command line lacks %q: %s", want, args)
		}
	}
}
