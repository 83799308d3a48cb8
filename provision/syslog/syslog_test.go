package syslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	p := newParser()
	for line, want := range map[string]string{
		"<14>Nov 26 23:12:01 localhost anaconda[1523]: INFO:packaging:Installing bash.x86_64 (12/300)": "info anaconda: INFO:packaging:Installing bash.x86_64 (12/300)",
		"<30>Nov  6 23:12:01 localhost org.fedoraproject.Anaconda.Modules.Storage[23]: DEBUG: x":       "info org.fedoraproject.Anaconda.Modules.Storage: DEBUG: x",
		"<13>Nov 16 23:12:01 web1 kernel: no carrier":                                                  "notice kernel: no carrier",
		"<11>2026-11-26T23:12:01.123456+00:00 localhost anaconda[1]: it failed":                        "err anaconda: it failed",
		"<13>Nov 26 23:12:01 logger: without a host":                                                   "notice logger: without a host",
		"<165>1 2026-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time":               "notice myproc: %% It's time",
		"<34>1 2026-11-26T23:12:01Z h installer - ID47 [ex@32473 iut=\"3\"] \ufeffhello":               "crit installer: hello",
		"<3>no time at all":         "err no time at all",
		"<1>1 garbage":              "alert 1 garbage",
		"neither one nor the other": "notice neither one nor the other",
		"<999>priority":             "notice <999>priority",
		"<>x":                       "notice <>x",
		"<14>Nov 26 23:12:01 h a: red \x1b[31m\x00\x9b":  "info a: red [31m\ufffd",
		"<14>Nov 26 23:12:01 h a: 正在安装 bash.x86_64（3/5）": "info a: 正在安装 bash.x86_64（3/5）",
	} {
		if got := p.parse([]byte(line)).line(); got != want {
			t.Errorf("%q\n got %q\nwant %q", line, got, want)
		}
	}
}

func TestFrames(t *testing.T) {
	long := "<14>" + strings.Repeat("x", 3*maxLine)
	counted := func(s string) string { return fmt.Sprintf("%d %s", len(s), s) }
	for name, tc := range map[string]struct {
		stream string
		want   []string
		err    error
	}{
		"lines":              {"<14>one\n<14>two\r\n\n<14>the end", []string{"<14>one", "<14>two", "", "<14>the end"}, io.EOF},
		"counted":            {counted("<14>one\nin two lines") + counted("<14>two"), []string{"<14>one\nin two lines", "<14>two"}, io.EOF},
		"counted and lines":  {counted("<14>one") + "<14>two\n" + counted("<14>three") + "\n", []string{"<14>one", "<14>two", "<14>three", ""}, io.EOF},
		"begins with digits": {"12 monkeys\n2026-11-26 x\n5\n", []string{"12 monkeys", "2026-11-26 x", "5"}, io.EOF},
		"long":               {long + "\n<14>y\n", []string{long[:maxLine], "<14>y"}, io.EOF},
		"long, counted":      {counted(long) + counted("<14>y"), []string{long[:maxLine], "<14>y"}, io.EOF},
		"cut off":            {"100 <14>half of", []string{"<14>half of"}, io.EOF},
		"too long":           {"9999999 <14>", nil, errFrame},
		"never ends":         {strings.Repeat("y", 2*maxFrame), nil, errFrame},
		"nothing":            {"", nil, io.EOF},
	} {
		for how, r := range map[string]io.Reader{"whole": strings.NewReader(tc.stream), "by byte": iotest.OneByteReader(strings.NewReader(tc.stream))} {
			f := newFrames(r)
			var got []string
			for {
				b, err := f.next()
				if err != nil {
					if !errors.Is(err, tc.err) {
						t.Errorf("%s, %s: ends with %v", name, how, err)
					}
					break
				}
				got = append(got, string(b))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, how, diff)
			}
		}
	}
}

func TestStepIn(t *testing.T) {
	for text, want := range map[string]step{
		"Installing bash.x86_64 (12/300)":                              {12, 300, "bash.x86_64"},
		"INFO packaging: Installing glibc-2.34-100.el9.x86_64 (1/300)": {1, 300, "glibc-2.34-100.el9.x86_64"},
		"bash.x86_64 wird installiert (12/300)":                        {12, 300, "bash.x86_64"},
		"正在安装 tzdata.noarch（300/300）":                                  {300, 300, "tzdata.noarch"},
		"Установка bash.aarch64 ( 2 / 9 )":                             {2, 9, "bash.aarch64"},
		"Installing a gpg-pubkey (12/300)":                             {},
		"Configuring storage (1/3)":                                    {},
		"Installing bash.x86_64":                                       {},
		"Installing bash.x86_64 (0/300)":                               {},
		"Installing bash.x86_64 (301/300)":                             {},
		"Installing bash.x86_64 (1/99999999999)":                       {},
	} {
		if _, ok := stepIn(strings.Repeat("a", maxStep) + text); ok {
			t.Errorf("found in a long text: %q", text)
		}
		got, ok := stepIn(text)
		if ok != (want.total > 0) || ok && got != want {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
}

func TestTrack(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var tr track
	told := 0
	for n := 1; n <= 1000; n++ {
		if tr.news(step{n, 1000, "x"}, at) {
			told++
		}
	}
	if told < share || told > share+2 {
		t.Errorf("%d events for 1000 packages", told)
	}
	for n := 1; n <= 1000; n++ { // dnf verifies what it has installed
		if tr.news(step{n, 1000, "x"}, at.Add(time.Hour)) {
			t.Fatalf("%d of a second pass is news", n)
		}
	}
	if tr.news(step{1, 10, "x"}, at) || !tr.news(step{1, 2000, "x"}, at) {
		t.Error("another set of packages")
	}
	if !tr.news(step{2, 2000, "x"}, at.Add(while)) {
		t.Error("a slow package is no news after a while")
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte("<14>Nov 26 23:12:01 localhost anaconda[1523]: Installing bash.x86_64 (12/300)"))
	f.Add([]byte(`<34>1 2026-11-26T23:12:01Z h installer - ID47 [ex@32473 iut="3"] hello`))
	f.Add([]byte("20 <14>Nov 26 23:12:01 x\n<14>y\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newParser()
		frames := newFrames(bytes.NewReader(b))
		for range len(b) + 2 {
			line, err := frames.next()
			if err != nil {
				break
			}
			if len(line) > maxLine {
				t.Fatalf("%d bytes", len(line))
			}
			m := p.parse(line)
			if strings.ContainsAny(m.line(), "\n\r\x1b\x00") {
				t.Errorf("%q", m.line())
			}
			stepIn(m.Text)
		}
	})
}
