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

func TestPackageTracker(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var tr packageTracker
	reported := 0
	for n := 1; n <= 1000; n++ {
		if tr.news(step{n, 1000, "x"}, at) {
			reported++
		}
	}
	if reported < reportParts || reported > reportParts+2 {
		t.Errorf("%d events for 1000 packages", reported)
	}
	for n := 1; n <= 1000; n++ { // dnf verifies what it has installed
		if tr.news(step{n, 1000, "x"}, at.Add(time.Hour)) {
			t.Fatalf("%d of a second pass is news", n)
		}
	}
	if tr.news(step{1, 10, "x"}, at) || !tr.news(step{1, 2000, "x"}, at) {
		t.Error("another set of packages")
	}
	if !tr.news(step{2, 2000, "x"}, at.Add(reportEvery)) {
		t.Error("a slow package is not reported after a while")
	}
}

// TestPackagesByRelease checks the messages of each release's Anaconda, as in its own code
// (rhinstaller/anaconda), and as its rsyslog sends them.
func TestPackagesByRelease(t *testing.T) {
	const module = "org.fedoraproject.Anaconda.Modules.Payloads[2012]: "
	const sum = " 1706716459 7be1e6f5cf1b4b0d7a07b2ef2c9c3b0d5a0e6c4f3b2a19087f6e5d4c3b2a1908"
	old := []string{
		"anaconda[1653]: packaging: checking dependencies: success",
		"anaconda[1653]: packaging: 1 packages selected totalling 12 MiB", // before the groups
		"anaconda[1653]: packaging: 4 packages selected totalling 1.5 GiB",
		"anaconda[1653]: packaging: Downloading packages to /mnt/sysimage/dnf.package.cache.",
		"anaconda[1653]: packaging: Installed: glibc-2.34-100.el9.x86_64" + sum,
		"anaconda[1653]: packaging: Configuring (running scriptlet for): glibc-2.34-100.el9.x86_64" + sum,
		"anaconda[1653]: packaging: Installed: bash-5.1.8-9.el9.x86_64" + sum,
		"anaconda[1653]: packaging: Installed: NetworkManager-1:1.46.0-1.el9.x86_64" + sum + "#012packaging: Installed: tzdata-2024a-1.el9.noarch" + sum,
		"anaconda[1653]: packaging: Post installation setup phase started.",
		"anaconda[1653]: packaging: Verifying: bash-5.1.8-9.el9.x86_64" + sum,
	}
	for name, tt := range map[string]struct {
		lines []string
		want  []string
	}{
		"RHEL 8 and 9":                    {old, []string{"1/4 glibc-2.34-100.el9.x86_64", "2/4 bash-5.1.8-9.el9.x86_64", "3/4 NetworkManager-1:1.46.0-1.el9.x86_64", "4/4 tzdata-2024a-1.el9.noarch", "4/4  through"}},
		"RHEL 9, the appliance restarted": {old[6:], []string{"1/0 bash-5.1.8-9.el9.x86_64", "3/0  through"}},
		"RHEL 10": {[]string{
			module + "INFO:anaconda.modules.payloads.payload.dnf.dnf_manager:The software selection has been resolved (2 packages selected).",
			module + "INFO:anaconda.modules.payloads.payload.dnf.transaction_progress:Installed: glibc-2.39-22.el10.x86_64" + sum,
			module + "INFO:anaconda.modules.payloads.payload.dnf.transaction_progress:Installed: bash-5.2.26-4.el10.x86_64" + sum,
			module + "INFO:anaconda.modules.payloads.payload.dnf.transaction_progress:Post installation setup phase started.",
			module + "INFO:anaconda.modules.payloads.payload.dnf.transaction_progress:Verifying: bash-5.2.26-4.el10.x86_64" + sum,
			module + "INFO:anaconda.modules.payloads.payload.dnf.transaction_progress:DNF quit",
		}, []string{"1/2 glibc-2.39-22.el10.x86_64", "2/2 bash-5.2.26-4.el10.x86_64", "2/2  through"}},
		"Fedora 42 to 44": {[]string{
			module + "INFO:anaconda.modules.payloads.payload.dnf.dnf_manager:The software selection has been resolved (9 packages selected).",
			module + "DEBUG:anaconda.modules.payloads.payload.dnf.transaction_progress:Starting the installation. Total packages: 2",
			module + "DEBUG:anaconda.modules.payloads.payload.dnf.transaction_progress:Installing - glibc-2.41-1.fc42.x86_64",
			module + "DEBUG:anaconda.modules.payloads.payload.dnf.transaction_progress:Configuring - glibc-2.41-1.fc42.x86_64, glibc-0:2.41-1.fc42.x86_64, post-install",
			module + "DEBUG:anaconda.modules.payloads.payload.dnf.transaction_progress:Installing - bash-5.2.37-1.fc42.x86_64",
			module + "DEBUG:anaconda.modules.payloads.payload.dnf.transaction_progress:Verify 1/2",
			module + "DEBUG:anaconda.modules.payloads.payload.dnf.transaction_progress:Done - True",
		}, []string{"1/2 glibc-2.41-1.fc42.x86_64", "2/2 bash-5.2.37-1.fc42.x86_64", "2/2  through"}},
		"failed": {[]string{
			"anaconda[1653]: packaging: 2 packages selected totalling 1.5 GiB",
			"anaconda[1653]: packaging: Installed: glibc-2.34-100.el9.x86_64" + sum,
			"anaconda[1653]: packaging: Payload error - DNF installation has ended up abruptly: DNF quit",
			module + "DEBUG:anaconda.modules.payloads.payload.dnf.transaction_progress:Done - False",
		}, []string{"1/2 glibc-2.34-100.el9.x86_64"}},
		"nothing of it": {[]string{
			"program[1]: Installed: x.noarch", "anaconda[1653]: packaging: Installed:", "anaconda[1653]: packaging: Post installation setup phase started.",
			"anaconda[1653]: main: Image packages: bash-5.1.8-9.el9.x86_64 glibc-2.34-100.el9.x86_64",
		}, nil},
	} {
		at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		var tr packageTracker
		var got []string
		p := newParser()
		for _, line := range tt.lines {
			for _, text := range embeddedLines(p.parse([]byte("<142>Nov 26 23:12:01 localhost " + line)).Text) {
				if k, ok := tr.line(text, at); ok {
					said := fmt.Sprintf("%d/%d %s", k.n, k.total, k.name)
					if k.complete {
						said += " through"
					}
					got = append(got, said)
				}
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestManyPackages checks that few events report many packages, and that a slow package is
// reported, too.
func TestManyPackages(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, total := range []int{0, 1000} {
		var tr packageTracker
		if total > 0 {
			tr.line(fmt.Sprintf("packaging: %d packages selected totalling 1 GiB", total), at)
		}
		reported := 0
		for n := range 1000 {
			if _, ok := tr.line(fmt.Sprintf("packaging: Installed: x-%d-1.noarch 1 2", n), at); ok {
				reported++
			}
		}
		if want := total / 1000 * reportParts; reported < want || reported > want+2 {
			t.Errorf("%d events for 1000 packages of %d", reported, total)
		}
		if _, ok := tr.line("packaging: Installed: slow-1.noarch 1 2", at.Add(reportEvery)); !ok {
			t.Error("a slow package is not reported after a while")
		}
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
			var tr packageTracker
			for _, text := range embeddedLines(m.Text) {
				if k, ok := tr.line(text, time.Time{}); ok && (k.n < 0 || k.total > 0 && k.n > k.total) {
					t.Errorf("%q: %+v", text, k)
				}
			}
		}
	})
}
