package page_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rackhand/provision"
	"rackhand/provision/web/page"
)

// holds checks that a page holds texts in this order, and none of the others.
func holds(t *testing.T, h *page.Handler, path string, texts, none []string) {
	t.Helper()
	w := get(t, h, path)
	if w.Code != http.StatusOK {
		t.Errorf("%s: status %d", path, w.Code)
	}
	body := w.Body.String()
	rest := body
	for _, want := range texts {
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Errorf("%s lacks, or has earlier, %q", path, want)
			continue
		}
		rest = after
	}
	for _, bad := range none {
		if strings.Contains(body, bad) {
			t.Errorf("%s has %q", path, bad)
		}
	}
}

// TestWhy: a stuck or failed host's page says why at its top, with the box's last act, what
// should have come, the events, and the command.
func TestWhy(t *testing.T) {
	c := chronicled(theTime())
	h := newPage(t, c)
	seqs := c.seqs("web10")
	last := fmt.Sprint(seqs[len(seqs)-1])
	holds(t, h, "/host/web10", []string{
		"Why the install is stuck", "no driver for the network card", "If the console names no network card", "another VLAN",
		"Look at the console", "<dt>Since", "The box did last", "Kernel and initrd fetched.", `href="#event-` + last + `"`,
		"What should have come", "asks for an address", "by <time", "Events that show it", "#99999 (removed)", "Journey", `<tr role="row" class="stuck">`, ">kernel<", ", stuck here", `id="event-` + last + `"`,
	}, []string{"Why the install failed", "The end of the installer"})
	holds(t, h, "/host/db2", []string{
		"Why the install failed", "sda carries data", "<code>rackhand install db2 --wipe</code>", "Journey",
		"The end of the installer", "Error: sda carries data", `href="/host/db2/install/db2-1/log"`,
	}, []string{"is stuck", "What should have come"})
	holds(t, h, "/host/cache1", []string{"DHCP snooping", "Nothing was heard of it", "Also stuck on switch sw1", `<a href="/host/web3">web3</a>`, `href="/host/node40"`}, []string{`<a href="/host/cache1">cache1</a> <a`})
	holds(t, h, "/host/web1", nil, []string{`id="why"`})
}

// TestEvidenceIsThere: an event that shows the cause is on the page also when many came after it.
func TestEvidenceIsThere(t *testing.T) {
	c := chronicled(theTime())
	first := c.seqs("db2")[0]
	for range 300 {
		c.emit(provision.Event{Time: theTime(), Host: "db2", Source: "dhcp", Kind: "ack", Message: "again"})
	}
	c.set("db2", func(h *provision.HostStatus) {
		s := *h.Stuck
		s.Evidence = []uint64{first}
		h.Stuck = &s
	})
	id := fmt.Sprintf(`id="event-%d"`, first)
	holds(t, newPage(t, c), "/host/db2", []string{fmt.Sprintf(`href="#event-%d"`, first), id, "The last 200 are shown"}, nil)
	if strings.Contains(get(t, newPage(t, c.fake), "/host/db2").Body.String(), id) {
		t.Error("the event is among the last 200 anyway")
	}
}

// TestPlace: the journey shows where a box is that has booted again.
func TestPlace(t *testing.T) {
	holds(t, newPage(t, chronicled(theTime())), "/host/web3", []string{
		`class="done"`, `class="again"`, ">bootfile<", "the box is here again", `class="before"`, ">script<", "before the box booted again",
	}, []string{`class="now"><th`})
}

// TestEarlierInstalls: each has a page with its journey, events, reason and log.
func TestEarlierInstalls(t *testing.T) {
	h := newPage(t, chronicled(theTime()))
	holds(t, h, "/host/db1", []string{
		"Earlier installs and jobs", `href="/host/db1/install/db1-13"`, "failed in installer", "no package mirror answers",
		"db1-wipe-1", "db1-12", "serving", "<summary>4 earlier ones", "db1-1<",
	}, nil)
	holds(t, h, "/host/db1/install/db1-13", []string{
		`href="/host/db1"`, `aria-current="page">db1-13`, "failed in installer", "Why the install failed", "No package mirror answers.", "rackhand mirror list",
		`href="#event-70002"`, "Journey", "stopped here", "The end of the installer", "Cannot download repomd.xml", `href="/host/db1/install/db1-13/log"`,
		`id="event-70002"`, `id="event-70001"`, "Earlier events of it were removed",
	}, []string{"Anaconda has its Kickstart.</dd></div><div>", "is the latest install"})
	holds(t, h, "/host/db1/install/db1-12", []string{"serving", "2:51", "Its events were removed"}, []string{`id="why"`, `id="tail"`})
	holds(t, h, "/host/db1/install/db1-wipe-1", []string{"db1-wipe-1", "done", "wipe"}, []string{">packages<"})
	holds(t, h, "/host/db1/install/db1-14", []string{"is the latest install", `href="/host/db1"`}, nil)
	holds(t, h, "/host/spare1", []string{"No install of this host yet.", "rackhand install spare1", "Nothing seen yet.", "rackhand watch spare1"}, []string{"Earlier installs"})
	for _, path := range []string{"/host/db1/install/db1-99", "/host/web1/install/db1-13", "/host/nobody/install/nobody-1", "/host/db1/install/%3Cscript%3E"} {
		if w := get(t, h, path); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := get(t, newPage(t, rack(theTime())), "/host/db1/install/db1-13"); w.Code != http.StatusNotFound {
		t.Errorf("without a history: %d", w.Code)
	}
	c := chronicled(theTime())
	c.fail = errors.New("bbolt: a detail")
	if w := get(t, newPage(t, c), "/host/db1/install/db1-13"); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "bbolt") {
		t.Errorf("while the journal can't be read: %d", w.Code)
	}
}

// TestGoneLog: of a failed install whose log is gone, the journal's end of it is shown.
func TestGoneLog(t *testing.T) {
	c := chronicled(theTime())
	delete(c.logs, "db1-13")
	c.old["db1-13"] = append(c.old["db1-13"], provision.Event{Seq: 70003, Time: theTime(), Host: "db1", Install: "db1-13", Source: "installer", Kind: "log-tail", Message: "line one\nline two"})
	holds(t, newPage(t, c), "/host/db1/install/db1-13", []string{"The end of the installer", "line one\nline two", "no longer kept"}, []string{"/log"})
}

// TestFollowsFromNow: every page follows the events after those that it includes, and none
// asks for the whole journal.
func TestFollowsFromNow(t *testing.T) {
	c := chronicled(theTime())
	h := newPage(t, c)
	want := fmt.Sprintf(`data-seq="%d"`, len(c.events))
	for _, path := range []string{"/", "/runs", "/host/web1", "/host/nobody", "/host/db1/install/db1-13", "/host/db1/install/none", "/host/db1/install/db1-13/log", "/nothing"} {
		if body := get(t, h, path).Body.String(); !strings.Contains(body, want) {
			t.Errorf("%s lacks %s", path, want)
		}
	}
}
