package why

import (
	"strings"
	"testing"

	"rackhand/inventory"
)

// tailLine is a line of a journal with the end of a log.
func tailLine(at, fields string, lines ...string) string {
	return at + " syslog log-tail " + fields + " | " + strings.Join(lines, "\n")
}

func TestAnaconda(t *testing.T) {
	const (
		package1  = "2026-03-01T12:02:16Z info anaconda: packaging: Installed: bash-5.1.8-9.el9.x86_64 1706716459 7be1"
		mirror    = "2026-03-01T12:02:20Z err anaconda: packaging: Failed to download metadata for repo 'BaseOS': Cannot download repomd.xml: All mirrors were tried"
		script    = "2026-03-01T12:03:20Z err anaconda: kickstart.script: Error code 1 running the kickstart script at line 42"
		onerror   = "2026-03-01T12:02:21Z info anaconda: Running kickstart %%onerror script(s)"
		crashed   = "2026-03-01T12:02:21Z crit anaconda: Traceback (most recent call last):#012  File \"/usr/lib64/python3.9/site-packages/pyanaconda/threading.py\", line 280, in run#012blivet.errors.StorageError: no disks are usable#012"
		gaveUp    = "200s installer attempt-failed!! | Anaconda gave up; its own words are on its console and in its syslog"
		gaveUpFor = "600s installer attempt-failed!! failed | Anaconda gave up; its own words are on its console and in its syslog"
	)
	at := func(lines ...string) []string { return more(healthy[:13], lines...) }
	again := func(lines ...string) []string {
		return more(more(at(gaveUp, tailLine("201s", "lines=2", package1, mirror)), bootAt(400)...), lines...)
	}
	runRules(t, []ruleTest{
		{name: "mirror dead", at: "205s", journal: at(gaveUp, tailLine("201s", "lines=2", mirror, onerror)), rule: "anaconda", said: []string{"package source", "repo 'BaseOS'", "attempt 2 of 3", "rackhand log web1"}},
		{name: "the last attempt", at: "1h", journal: at(gaveUpFor, tailLine("601s", "lines=2", mirror, onerror)), rule: "anaconda", said: []string{"package source", "rackhand install web1"}},
		{name: "traceback", at: "205s", journal: at(gaveUp, tailLine("201s", "lines=1", crashed)), rule: "anaconda", said: []string{"crashed", "blivet.errors.StorageError: no disks are usable."}},
		{name: "a dialog", at: "7m", journal: at(tailLine("380s", "lines=2 silent=180", package1, script)), rule: "anaconda", said: []string{"line 42", "status 1", "ENTER"}},
		{name: "a dialog, given up", at: "4h", journal: at(tailLine("380s", "lines=2 silent=180", package1, script), "3h appliance given-up!! failed | nothing was heard of it", tailLine("10801s", "lines=2", package1, script)), rule: "anaconda", said: []string{"ENTER"}},
		{name: "a traceback, and it stands", at: "7m", journal: at(tailLine("380s", "lines=1 silent=180", crashed)), rule: "anaconda", said: []string{"crashed"}},
		{name: "gave up, without a word that is known", at: "205s", journal: at(gaveUp, tailLine("201s", "lines=1", package1)), rule: "anaconda", said: []string{"Anaconda gave up", "Its last line: info anaconda: packaging: Installed: bash"}},
		{name: "a moment ago", at: "205s", journal: at(gaveUp)},
		{name: "a script that gave up", at: "205s", journal: at(gaveUp, tailLine("201s", "lines=1", script)), rule: "anaconda", said: []string{"line 42", "status 1"}, not: []string{"ENTER"}},
		{name: "gave up, without a log", at: "215s", journal: at(gaveUp), rule: "anaconda", said: []string{"Anaconda gave up"}},
		{name: "a script of ours", at: "215s", journal: at("200s installer attempt-failed!! | enabling the agent failed with status 1; its own words are on the console"), rule: "anaconda", said: []string{"Enabling the agent failed with status 1"}},
		{name: "the next attempt is no further", at: "7m", journal: again(), rule: "anaconda", said: []string{"package source", "attempt 2 of 3 is under way"}},
		// It got further; it goes on after a silence; it is silent for a reason that nobody knows.
		{name: "the next attempt is further", at: "9m", journal: again("430s installer started installer", "440s installer image packages", "450s syslog packages-through", "500s installer installed installed")},
		{name: "it went on after a silence", at: "8m", journal: at(tailLine("380s", "lines=1 silent=180", script), "390s syslog progress | 200 of 400 packages", "470s syslog progress | 300 of 400 packages")},
		{name: "silent", at: "7m", journal: at(tailLine("380s", "lines=1 silent=180", package1))},
		{name: "silent for too long", at: "40m", journal: at(tailLine("380s", "lines=1 silent=180", package1)), rule: "silent"},
		{name: "the image installer failed", at: "1h", journal: at("200s installer packages-failed!! failed | apt: Cannot download http://deb/", tailLine("201s", "lines=1", mirror)), rule: "failed", said: []string{"apt: Cannot download"}},
	})
	c := caseOf(t, at(tailLine("380s", "lines=1 silent=180", mirror))...)
	c.Host.System = &inventory.System{Name: "debian12", Installer: inventory.InstallerImage}
	if got := Diagnose(c, start.Add(7*60*1e9)); got != nil {
		t.Errorf("a system that is an image: %+v", got)
	}
}

// A line of a log is hostile: it is cut, and the rule survives it.
func TestReadTail(t *testing.T) {
	for _, text := range []string{"", "\n\n", "#012#012", strings.Repeat("x", 5000), "Traceback (most recent call last):", "é " + strings.Repeat("é", 400)} {
		f := &finding{}
		if last := readTail(text, false, f); len(last) > 310 || len(f.causes) > 0 && len(f.causes[0].Text) > 400 {
			t.Errorf("%.40q: %d bytes", text, len(last))
		}
	}
}
