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
	// maxNoted bounds the secret values that are remembered of one host, and maxNotedHosts
	// the number of these hosts. The host that was used longest ago is dropped, and its
	// secrets are looked up again when it sends something.
	maxNoted      = 256
	maxNotedHosts = 1024
	// derivedAgain is the time after which a secret that could not be read is looked up again.
	derivedAgain = 5 * time.Second
)

// secrets are the values that were sent to hosts. They are masked in everything that hosts
// send back, and kept in memory only. Secrets that were sent before a restart of the
// appliance are looked up again, by the names in the journal and the inventory.
type secrets struct {
	mu    sync.Mutex
	hosts map[string]*noted
	turn  int
}

// A noted holds the secrets of one host.
type noted struct {
	values []string
	masker *mask.Masker // of these values; nil: not made yet
	used   int
	// derived are the names in the journal for which they were looked up. missing is the
	// failure of that, if any, which counts until a time.
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

// Noting wraps the lookup of secrets for a host's files, so that they are known and masked
// in what the host sends. Older values stay known, since the host may still have them.
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

// Masked returns a function that masks a host's secrets in a text. While one of its secrets
// can't be read, and so can't be recognised, the function withholds the whole text.
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

// derive looks up the secrets that a host was sent, once for each run of the appliance: those
// of its answer files by the names in the journal, those of its variables, and those of its
// role.
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
		// A secret that can't be read now was not sent with these settings.
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

// hideSecrets masks a host's secrets and its token in an installer's event. The report of a
// failed script contains its last lines, and the installer itself masks only passwords in
// commands.
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
		// Ids of disks, which may look like a token. Secrets and other words are dropped.
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

// HideInReport masks the secrets of a host in its agent's report.
func (s *Server) HideInReport(r *catalog.Report) {
	hide := s.Masked(r.Host)
	r.Error, r.Version, r.Order = hide(r.Error), hide(r.Version), hide(r.Order)
	if r.Disabled != nil {
		r.Disabled.Reason = hide(r.Disabled.Reason)
	}
	for i := range r.Warnings {
		r.Warnings[i] = hide(r.Warnings[i])
	}
	for i := range r.Checks {
		x := &r.Checks[i]
		x.Check, x.Source, x.Message = hide(x.Check), hide(x.Source), hide(x.Message)
		if x.Status != catalog.OK {
			x.Status = catalog.Failed
		}
	}
	for i := range r.Results {
		x := &r.Results[i]
		x.ID, x.Message, x.Diff, x.Pending = hide(x.ID), hide(x.Message), hide(x.Diff), hide(x.Pending)
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
