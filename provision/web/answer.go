package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"rackhand/inventory"
	"rackhand/provision"
)

// Headers with which Anaconda describes the box when it asks for its answer file
// (inst.ks.sendmac, inst.ks.sendsn). Any client can send them: they identify a box, and
// prove nothing.
const (
	macHeader     = "X-Rhn-Provisioning-Mac-" // <n>: eno1 52:54:00:00:00:01
	serialHeader  = "X-System-Serial-Number"
	archHeader    = "X-Anaconda-Architecture"
	releaseHeader = "X-Anaconda-System-Release"
)

// maxNICs bounds how many interfaces of a box are looked at.
const maxNICs = 64

// claimed reports which MACs a request says that its box has, and whether one of them
// is the host's. Index 0 is not always the interface that booted, so any will do. Clients
// other than Anaconda send no such header.
func claimed(r http.Header, h *inventory.Host) (macs []string, ours bool) {
	for name, values := range r {
		if !strings.HasPrefix(name, macHeader) || len(macs) >= maxNICs {
			continue
		}
		for _, v := range values {
			words := strings.Fields(v)
			if len(words) == 0 {
				continue
			}
			mac, err := inventory.ParseMAC(words[len(words)-1])
			if err != nil {
				continue
			}
			macs = append(macs, mac.String())
			for _, m := range h.MACs {
				ours = ours || m == mac
			}
		}
	}
	return macs, ours
}

// boxFacts returns the facts about the box from a request's headers, for the event.
func boxFacts(r http.Header) map[string]string {
	facts := map[string]string{}
	for name, header := range map[string]string{"serial": serialHeader, "arch": archHeader, "release": releaseHeader} {
		if v := printable(r.Get(header), 80); v != "" {
			facts[name] = v
		}
	}
	return facts
}

// printable keeps the printable ASCII characters of a text from outside, and cuts it to
// most bytes.
func printable(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
	return s[:min(len(s), most)]
}

// answeredFor is how long requests get the same answer file again. Interfaces come up one
// after the other, a bond last, and each asks. They must get the same file: only the
// enrolment token of the last file counts, and Anaconda may have used the first file.
const answeredFor = 10 * time.Minute

// maxAnswers bounds how many answer files are kept; only installs under way have one.
const maxAnswers = 1024

// answers keeps the answer files that were sent, by their one-time token. They contain
// secrets, so they are kept in memory only, and for a limited time.
type answers struct {
	mu     sync.Mutex
	kept   map[string]keptAnswer
	flight singleflight.Group
}

type keptAnswer struct {
	text  string
	host  string
	until time.Time
}

// again returns the file for a token. If it is not kept, render makes it, once for all
// requests that come at the same time.
func (a *answers) again(ctx context.Context, token, host string, clock func() time.Time, render func(context.Context) (string, error)) (text string, fresh bool, err error) {
	get := func() (string, bool) {
		a.mu.Lock()
		defer a.mu.Unlock()
		k, ok := a.kept[token]
		return k.text, ok && k.host == host && clock().Before(k.until)
	}
	if text, ok := get(); ok {
		return text, false, nil
	}
	made, err, shared := a.flight.Do(token, func() (any, error) {
		if text, ok := get(); ok {
			return text, nil
		}
		// Not the context of the first request: others wait for this render too.
		text, err := render(context.WithoutCancel(ctx))
		if err == nil {
			a.put(token, keptAnswer{text, host, clock().Add(answeredFor)}, clock())
		}
		return text, err
	})
	if err != nil {
		return "", false, err
	}
	return made.(string), !shared, nil
}

func (a *answers) put(token string, k keptAnswer, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept == nil {
		a.kept = make(map[string]keptAnswer)
	}
	for t, o := range a.kept {
		// One file for each host, of the latest attempt: only its token is valid.
		if !now.Before(o.until) || o.host == k.host || len(a.kept) >= maxAnswers {
			delete(a.kept, t)
		}
	}
	a.kept[token] = k
}

// forget drops a file that must not be sent again.
func (a *answers) forget(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.kept, token)
}

// mismatch records a request with the right token and address, from a box that says it has
// none of the host's MACs.
func (s *Server) mismatch(host, from string, macs []string) {
	s.say(provision.Event{
		Host: host, Source: "http", Kind: "mac-refused", Level: provision.LevelError,
		Message: fmt.Sprintf("%s asked for the answer file of %s and says that its interfaces are %s, none of which is that host's: correct `mac` in the inventory, or look whose box that is", from, host, strings.Join(macs, ", ")),
		Fields:  map[string]string{"address": from, "macs": strings.Join(macs, " ")},
	}, host)
}
