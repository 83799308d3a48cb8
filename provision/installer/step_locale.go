package installer

import (
	"context"
	"os"
	"slices"
	"strings"

	"rackhand/provision/installer/plan"
)

func (m *machine) doLocale(ctx context.Context, s plan.LocaleStep) error {
	var (
		gen     bool
		missing []string
	)
	err := m.inRoot(func(root *os.Root) error {
		for _, name := range []string{"/etc/locale.conf", "/etc/default/locale"} {
			if err := writeFile(root, name, 0o644, "LANG="+s.Lang+"\n"); err != nil {
				return err
			}
		}
		if _, err := findProgram(m.target, "locale-gen"); err == nil {
			old, _ := root.ReadFile("etc/locale.gen")
			text := localeGen(string(old), wantedLocales(s))
			gen = text != string(old)
			return writeFile(root, "/etc/locale.gen", 0o644, text)
		}
		for _, l := range wantedLocales(s) {
			name := strings.Replace(l, "UTF-8", "utf8", 1)
			short, _, _ := strings.Cut(l, ".")
			if !slices.ContainsFunc([]string{l, name, short}, func(n string) bool {
				_, err := root.Stat("usr/lib/locale/" + n)
				return err == nil
			}) {
				missing = append(missing, l)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		m.Warnf("lang: the system has no locale %s, and programs fall back to C: put locales, glibc-langpack-XX or the like into the image or into %%packages", strings.Join(missing, " "))
	}
	if gen {
		return m.inTarget(ctx, "", "locale-gen")
	}
	return nil
}

// wantedLocales are the languages, but for those that every system has.
func wantedLocales(s plan.LocaleStep) []string {
	var out []string
	for _, l := range append([]string{s.Lang}, s.More...) {
		base, _, _ := strings.Cut(l, ".")
		if base != "C" && base != "POSIX" && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// localeGen is /etc/locale.gen (locale.gen(5)) with these locales added.
func localeGen(old string, wanted []string) string {
	out := old
	for _, l := range wanted {
		charset := "UTF-8"
		name := l
		if _, cs, ok := strings.Cut(l, "."); ok {
			charset, _, _ = strings.Cut(cs, "@")
		} else {
			name += ".UTF-8" // as Anaconda takes it
		}
		line := name + " " + charset
		have := false
		for has := range strings.Lines(out) {
			have = have || strings.TrimSpace(has) == line
		}
		if have {
			continue
		}
		if out != "" && !strings.HasSuffix(out, "\n") {
			out += "\n"
		}
		out += line + "\n"
	}
	return out
}
