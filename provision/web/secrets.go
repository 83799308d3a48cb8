package web

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/installlog"
	"rackhand/provision/mask"
	"rackhand/templates"
)

const (
	// maxNoted bounds how many values of one host are remembered as secret, and
	// maxNotedHosts of how many hosts: the one that was asked for longest ago gives way,
	// and is derived anew when it speaks again.
	maxNoted      = 256
	maxNotedHosts = 1024
	// derivedAgain is how soon a secret that could not be read is looked up again.
	derivedAgain = 5 * time.Second
)

// secrets are the values that were handed to hosts, to be masked in all that these say.
// They are in memory alone. What a run of the appliance before has handed out is looked up
// anew, by the names that stand in the journal and the inventory.
type secrets struct {
	mu    sync.Mutex
	hosts map[string]*noted
	turn  int
}

// A noted is what is secret of one host.
type noted struct {
	values []string
	masker *mask.Masker // of these values; nil: to be made
	used   int
	// derived is for which names in the journal they were looked up; missing is what of
	// that failed, and until when that is believed.
	derived []string
	done    bool
	missing string
	until   time.Time
}

func (s *secrets) of(host string) *noted {
	if s.hosts == nil {
		s.hosts = make(map[string]*noted)
	}
	n := s.hosts[host]
	if n == nil {
		if len(s.hosts) >= maxNotedHosts {
			oldest := ""
			for h, n := range s.hosts {
				if oldest == "" || n.used < s.hosts[oldest].used {
					oldest = h
				}
			}
			delete(s.hosts, oldest)
		}
		n = &noted{}
		s.hosts[host] = n
	}
	s.turn++
	n.used = s.turn
	return n
}

func (s *secrets) add(host, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.of(host)
	if value == "" || value == templates.Mask || slices.Contains(n.values, value) {
		return
	}
	if n.values = append(n.values, value); len(n.values) > maxNoted {
		n.values = slices.Clone(n.values[1:])
	}
	n.masker = nil
}

// Noting wraps how secrets are looked up for what a host is handed, so that they are known
// and masked in what it says. A value that was handed out before stays known: what speaks
// may still have that one.
func (s *Server) Noting(host string, get func(string) (string, error)) func(string) (string, error) {
	return func(name string) (string, error) {
		v, err := get(name)
		if err == nil {
			s.secrets.add(host, v)
		}
		return v, err
	}
}

// SecretsOf returns the values that are known to be a host's secrets.
func (s *Server) SecretsOf(host string) []string {
	s.secrets.mu.Lock()
	defer s.secrets.mu.Unlock()
	if n := s.secrets.hosts[host]; n != nil {
		return slices.Clone(n.values)
	}
	return nil
}

// Masked returns what masks a host's secrets in a text. While one of those that it was
// handed can't be read, and so not be recognised, the whole text is held back.
func (s *Server) Masked(host string) func(string) string {
	s.derive(host)
	s.secrets.mu.Lock()
	defer s.secrets.mu.Unlock()
	n := s.secrets.of(host)
	if n.missing != "" {
		text := n.missing
		return func(string) string { return text }
	}
	if n.masker == nil {
		n.masker = mask.New(templates.Mask, n.values...)
	}
	return n.masker.Mask
}

// derive looks up what a host was handed, once for each run of the appliance: the secrets
// of its answer files by the names in the journal, those of its variables, and what its
// role asks for.
func (s *Server) derive(host string) {
	in, _ := s.Journal.Install(host)
	s.secrets.mu.Lock()
	n := s.secrets.of(host)
	done := n.done && slices.Equal(n.derived, in.Secrets) && (n.missing == "" || s.Clock().Before(n.until))
	s.secrets.mu.Unlock()
	if done {
		return
	}
	get := s.Noting(host, s.Handout.Secret)
	missing := ""
	for _, name := range in.Secrets {
		if _, err := get(name); err != nil {
			missing = fmt.Sprintf("(held back: the secret %s can't be read, so it can't be masked: `rackhand check` says why)", name)
		}
	}
	if h := s.Snapshot().Hosts[host]; h != nil {
		// What can't be read here was handed to nobody.
		for _, name := range secretNames(h) {
			_, _ = get(name)
		}
		_, _ = s.Catalogs.Catalog(h)
	}
	s.secrets.mu.Lock()
	defer s.secrets.mu.Unlock()
	n = s.secrets.of(host)
	n.done, n.derived, n.missing, n.until = true, in.Secrets, missing, s.Clock().Add(derivedAgain)
}

// secretNames are the secrets that a host's own settings name.
func secretNames(h *inventory.Host) []string {
	var names []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case inventory.SecretRef:
			names = append(names, string(v))
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(h.Variables)
	if h.BMC != nil && h.BMC.Password != "" {
		names = append(names, string(h.BMC.Password))
	}
	return names
}

// hideSecrets takes a host's secrets, and the token that it holds, out of what its
// installer says: a script that fails is told with its last lines, and its installer knows
// the passwords in commands alone.
func (s *Server) hideSecrets(host, token string, e *provision.Event) {
	known := s.Masked(host)
	own := mask.New(templates.Mask, token)
	hide := func(text string) string { return own.Mask(known(text)) }
	switch e.Kind {
	case provision.KindProgress, provision.KindPacked, provision.KindAttemptFailed, "report":
	default:
		if hide(e.Kind) != e.Kind {
			e.Kind = "report"
		}
	}
	if e.Kind == provision.KindDisksBlank {
		// Disks' ids, which may look like a token. What is secret, or no id, is left out.
		said := provision.DiskIDs(e.Message)
		ids := slices.DeleteFunc(provision.DiskIDs(hide(e.Message)), func(id string) bool { return !slices.Contains(said, id) })
		e.Message = strings.Join(ids, " ")
	} else {
		e.Message = installlog.Mask(e.Message, hide)
	}
	fields := make(map[string]string, len(e.Fields))
	for name, v := range e.Fields {
		fields[hide(name)] = installlog.Mask(v, hide)
	}
	if len(fields) > 0 {
		e.Fields = fields
	}
}

// HideInReport takes the secrets of a host out of what its agent says.
func (s *Server) HideInReport(r *catalog.Report) {
	hide := s.Masked(r.Host)
	r.Error, r.Version = hide(r.Error), hide(r.Version)
	for i := range r.Warnings {
		r.Warnings[i] = hide(r.Warnings[i])
	}
	for i := range r.Results {
		x := &r.Results[i]
		x.ID, x.Message, x.Diff = hide(x.ID), hide(x.Message), hide(x.Diff)
		if !slices.Contains([]string{catalog.OK, catalog.Changed, catalog.Failed}, x.Status) {
			x.Status = hide(x.Status)
		}
		if !slices.Contains(catalog.Causes(), x.Cause) {
			x.Cause = hide(x.Cause)
		}
	}
}

// hideInJSON masks all texts of a JSON value, names of fields among them.
func hideInJSON(v any, hide func(string) string) any {
	switch v := v.(type) {
	case string:
		return hide(v)
	case []any:
		for i := range v {
			v[i] = hideInJSON(v[i], hide)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[hide(name)] = hideInJSON(item, hide)
		}
		return out
	}
	return v
}
