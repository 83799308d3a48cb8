package page

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"rackhand/provision"
)

// maxFilter bounds each text of a filter, in bytes.
const maxFilter = 100

// A filter chooses the hosts that the overview shows. "" chooses all.
type filter struct {
	State  string // the slug of a standing
	Role   string // one of the host's
	System string
	Rack   string
	Text   string // words, all of which a host must have
}

// filterKeys are the keys of a filter in a query.
var filterKeys = [...]string{"state", "role", "system", "rack", "q"}

// filterOf reads a filter from a page's query. A state that doesn't exist matches no host.
func filterOf(q url.Values) filter {
	get := func(key string) string {
		v := strings.TrimSpace(q.Get(key))
		if len(v) > maxFilter {
			v = v[:maxFilter]
		}
		for !utf8.ValidString(v) {
			v = v[:len(v)-1]
		}
		return v
	}
	return filter{get(filterKeys[0]), get(filterKeys[1]), get(filterKeys[2]), get(filterKeys[3]), get(filterKeys[4])}
}

// values are the set texts of a filter, as filterOf reads them.
func (f filter) values() url.Values {
	q := url.Values{}
	for i, v := range []string{f.State, f.Role, f.System, f.Rack, f.Text} {
		if v != "" {
			q.Set(filterKeys[i], v)
		}
	}
	return q
}

// query is the filter as the query of an address, with its question mark; "" without one.
func (f filter) query() string {
	if !f.Any() {
		return ""
	}
	return "?" + f.values().Encode()
}

// Any reports whether the filter can leave out a host.
func (f filter) Any() bool { return f != filter{} }

// Narrow reports whether it can leave out a host by something else than its state.
func (f filter) Narrow() bool {
	f.State = ""
	return f.Any()
}

// matches reports whether a host matches all but the filter's state.
func (f filter) matches(hs provision.HostStatus) bool {
	switch {
	case f.Role != "" && !slices.Contains(hs.Roles, f.Role),
		f.System != "" && hs.System != f.System,
		f.Rack != "" && rackOf(hs) != f.Rack:
		return false
	}
	if f.Text == "" {
		return true
	}
	text := strings.ToLower(strings.Join(append([]string{
		hs.Host, hs.Address, hs.System, hs.Role, hs.Group, hs.Rack, hs.BMC, hs.Maker, hs.SwitchPort, causeOf(hs),
	}, hs.MACs...), "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(f.Text)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// causeOf is why a host is stuck or failed, in one text; "" if it is neither.
func causeOf(hs provision.HostStatus) string {
	switch {
	case hs.Stuck != nil:
		return hs.Stuck.Cause()
	case hs.Install != nil && hs.Install.Stage == provision.Failed:
		return hs.Install.Reason
	}
	return ""
}

// rackOf is the name of a host's rack: "r1" of "r1 unit 12".
func rackOf(hs provision.HostStatus) string {
	name, _, _ := strings.Cut(hs.Rack, " unit ")
	return name
}

// slugOf is a standing in an address: "under-way".
func slugOf(s provision.Standing) string { return strings.ReplaceAll(string(s), " ", "-") }
