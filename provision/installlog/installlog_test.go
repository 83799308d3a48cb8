package installlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func contents(t *testing.T, s *Store, id string) string {
	t.Helper()
	f, err := s.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLogs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	s := New(dir)
	if _, err := s.Open("web1-1"); !errors.Is(err, ErrNoLog) {
		t.Errorf("before there is any: %v", err)
	}
	for i := 1; i <= 12; i++ {
		for _, host := range []string{"web1", "web1-2", "db"} {
			if err := s.Append(fmt.Sprintf("%s-%d", host, i), fmt.Sprintf("line %d\n", i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := s.Latest("web1"); got != "web1-12" {
		t.Errorf("the latest is %q", got)
	}
	if got := contents(t, s, "web1-12"); got != "line 12\n" {
		t.Errorf("it holds %q", got)
	}
	if !s.Has("web1-1") || !s.Has("web1-2-12") || s.Latest("unknown") != "" {
		t.Error("a short log was removed")
	}
	for id, want := range map[string]bool{"web1-12": true, "web1-rescue-3": true, "web1-2-12": false, "web12-1": false, "web1-": false, "../web1-1": false, "web1-other-1": false, "": false} {
		if Of("web1", id) != want {
			t.Errorf("%q is of web1: %v", id, !want)
		}
	}
	for _, id := range []string{"", "../web1-1", "web1", "web1-", "WEB-1", "a/b-1", "-1"} {
		if err := s.Append(id, "x\n"); err == nil {
			t.Errorf("kept under %q", id)
		}
		if _, err := s.Open(id); !errors.Is(err, ErrNoLog) {
			t.Errorf("opened %q: %v", id, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Append("web1-12", "after\n"); err != nil || contents(t, s, "web1-12") != "line 12\nafter\n" {
		t.Error("it does not go on where it was", err)
	}
}

// TestTailStays: of logs beyond the latest ones of a host the end stays, in whole lines.
func TestTailStays(t *testing.T) {
	s := New(t.TempDir())
	line := strings.Repeat("x", 99) + "\n"
	for i := range MaxPerHost + 2 {
		if err := s.Append(fmt.Sprintf("web1-%d", i+1), strings.Repeat(line, 1000)+"Error: no disk\n"); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"web1-1", "web1-2"} {
		got := contents(t, s, id)
		first, rest, _ := strings.Cut(got, "\n")
		if len(got) > Tail || len(got) < Tail-200 || !strings.Contains(first, "the start of this log was removed") ||
			!strings.HasPrefix(rest, line) || !strings.HasSuffix(got, line+"Error: no disk\n") {
			t.Errorf("%s has %d bytes: %.150q", id, len(got), got)
		}
	}
	if got := contents(t, s, "web1-3"); len(got) != 100015 {
		t.Errorf("web1-3 has %d bytes", len(got))
	}
	if err := s.Retain(func(id string) bool { return id != "web1-1" }); err != nil || s.Has("web1-1") || !s.Has("web1-2") {
		t.Errorf("after Retain: %v", err)
	}
}

func TestFull(t *testing.T) {
	s := New(t.TempDir())
	line := strings.Repeat("x", 1<<20-1) + "\n"
	for range 40 {
		if err := s.Append("web1-1", line); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Append("web1-1", "short\n"); err != nil {
		t.Fatal(err)
	}
	got := contents(t, s, "web1-1")
	if len(got) > MaxBytes || !strings.HasSuffix(got, full) || strings.Count(got, full) != 1 {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-100:])
	}
	// The number of open files is bounded, and no log is lost.
	for i := range 3 * maxOpen {
		for range 2 {
			if err := s.Append(fmt.Sprintf("h%d-1", i), "x\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if st, err := os.Stat(filepath.Join(s.dir, "h0-1.log")); err != nil || st.Size() != 4 {
		t.Error(st, err)
	}
	if len(s.open) > maxOpen {
		t.Errorf("%d files are open", len(s.open))
	}
}

// TestUntrusted checks that text of unverified senders fills its share only, before and
// after a restart. Text of the box itself is stored to the end.
func TestUntrusted(t *testing.T) {
	dir := t.TempDir()
	s := New(dir)
	forged, ours := strings.Repeat("f", 1<<10-1)+"\n", strings.Repeat("o", 1<<10-1)+"\n"
	add := func(n int, text string, how func(string, string) error) {
		t.Helper()
		for range n {
			if err := how("web1-1", text); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(20<<10, forged, s.AppendUntrusted)
	got := contents(t, s, "web1-1")
	if n := strings.Count(got, forged); n < 4000 || n > MaxUntrusted>>10 || strings.Count(got, untrustedFull) != 1 {
		t.Errorf("%d forged lines are kept", n)
	}
	add(10<<10, ours, s.Append)
	if n := strings.Count(contents(t, s, "web1-1"), ours); n != 10<<10 {
		t.Errorf("%d of 10240 lines over TCP are kept", n)
	}
	s.Close()
	s = New(dir)
	defer s.Close()
	add(20<<10, forged, s.AppendUntrusted)
	if n := len(contents(t, s, "web1-1")); n > UntrustedUpTo {
		t.Errorf("the log has %d bytes, and the last MiB is not theirs", n)
	}
	add(1000, ours, s.Append)
	if got := contents(t, s, "web1-1"); !strings.HasSuffix(got, strings.Repeat(ours, 1000)) {
		t.Errorf("what the box says last is lost; the log has %d bytes", len(got))
	}
}

func TestMask(t *testing.T) {
	known := func(line string) string { return strings.ReplaceAll(line, "sesame", "***") }
	const token = "Ab3_efghijklmnopqrstuvwxyz012345"
	for line, want := range map[string]string{
		"fetching http://10.77.0.1/i/" + token + "/ks now":      "fetching http://10.77.0.1/i/***/ks now",
		"rootpw --iscrypted $6$abc$defghi":                      "rootpw ***",
		"user --name=op --password='$6$a$b' --iscrypted":        "user --name=op --password=*** --iscrypted",
		"user --name=op --password hunter2 --plaintext":         "user --name=op --password *** --plaintext",
		"hash is $y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o. ok": "hash is *** ok",
		"password: hunter2":                                     "password: ***",
		`{"password": "hunter2", "user": "x"}`:                  `{"password": ***, "user": "x"}`,
		"Authorization: Bearer abc.def":                         "Authorization: ***",
		"GET http://me:hunter2@10.0.0.1/x":                      "GET http://***@10.0.0.1/x",
		"token is " + token + ".":                               "token is ***.",
		"the value sesame!":                                     "the value ***!",
		"Installing passwd.x86_64 (3/300)":                      "Installing passwd.x86_64 (3/300)",
		"Installing bash-completion-in-a-long-name-1.noarch":    "Installing bash-completion-in-a-long-name-1.noarch",
		"sha256 " + strings.Repeat("0aF", 21) + "0":             "sha256 " + strings.Repeat("0aF", 21) + "0",
		"costs $5 and $6":                                       "costs $5 and $6",
	} {
		if got := Mask(line, known); got != want {
			t.Errorf("%q became %q, not %q", line, got, want)
		}
	}
}
