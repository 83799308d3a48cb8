package config

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// maxSocketPath is the longest path of a unix socket: sun_path has 108 bytes
// with the closing zero (unix(7)).
const maxSocketPath = 107

// maxInterface is the longest name of a link: IFNAMSIZ is 16 with the closing
// zero (netdevice(7)).
const maxInterface = 15

// redirectForm is a host's name or address, with a port or without.
var redirectForm = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(:[1-9][0-9]{0,4})?$`)

var mirrorName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,62}$`)

// path reads a path; relative ones begin at the configuration's folder.
func (r *reader) path(what string, to *string) func(schema.Node) {
	return func(n schema.Node) {
		text, ok := n.Text(what)
		if !ok {
			return
		}
		path := r.absolute(text)
		if what == "socket" && len(path) > maxSocketPath {
			n.Problem("choose a shorter one", "socket: the path has %d bytes, a unix socket's at most %d", len(path), maxSocketPath)
			return
		}
		*to = path
	}
}

func (r *reader) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(r.dir, path)
}

func (r *reader) port(what string, to *uint16) func(schema.Node) {
	return func(n schema.Node) {
		r.given[what] = n
		if i, ok := n.Int(what, 1, 65535); ok {
			*to = uint16(i)
		}
	}
}

func (r *reader) interfaces(n schema.Node) {
	r.given["interfaces"] = n
	items, ok := n.List("interfaces")
	if ok && len(items) == 0 {
		n.Problem("name at least one link; `ip link` lists them", "interfaces is empty")
	}
	for _, item := range items {
		name, ok := item.Text("interfaces")
		switch {
		case !ok:
		case len(name) > maxInterface, name == ".", name == "..", strings.ContainsAny(name, "/: \t"):
			item.Problem("`ip link` lists the names", "interfaces: %q can't be the name of a link", name)
		case slices.Contains(r.config.Interfaces, name):
			item.Problem("name it once", "interfaces: %q stands here twice", name)
		default:
			r.config.Interfaces = append(r.config.Interfaces, name)
		}
	}
}

func (r *reader) bootfiles(n schema.Node) {
	items, _ := n.List("bootfiles")
	for _, item := range items {
		if text, ok := item.Text("bootfiles"); ok {
			r.config.Bootfiles = append(r.config.Bootfiles, r.absolute(text))
		}
	}
}

// listen reads where the page is served; an empty text turns it off.
func (r *reader) listen(n schema.Node) {
	if n.IsText() && !n.Null() && n.Any() == "" {
		r.config.Page.Listen = ""
		return
	}
	r.listener(n, "page.listen", `write 127.0.0.1:8080, unix:/path, or "" for no page`, true, &r.config.Page.Listen)
}

// listener reads host:port or, if the listener can have a unix socket, unix:/path.
func (r *reader) listener(n schema.Node, what, hint string, socket bool, to *string) {
	text, ok := n.Text(what)
	if !ok {
		return
	}
	if path, unix := strings.CutPrefix(text, "unix:"); unix && socket {
		r.unixPath(n, what, path, to)
		return
	}
	if !hostPort(text) {
		n.Problem(hint, "%s must be host:port, not %q", what, text)
		return
	}
	*to = text
}

// pageName is the form of a name in a Host header: a DNS name or an address, without a port.
var pageName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)

func (r *reader) pageNames(n schema.Node) {
	items, _ := n.List("page.names")
	for _, item := range items {
		name, ok := item.Text("page.names")
		switch _, err := netip.ParseAddr(name); {
		case !ok:
		case err != nil && !pageName.MatchString(name):
			item.Problem("write a name such as rack.example.org, without port and path", "page.names: %q can't be a name", name)
		default:
			r.config.Page.Names = append(r.config.Page.Names, name)
		}
	}
}

func (r *reader) operators(n schema.Node) {
	r.config.Page.Operators = append(r.config.Page.Operators, networks(n, "page.operators")...)
}

// via reads the proxy in front of the mirror's upstreams.
func (r *reader) via(n schema.Node) {
	text, ok := n.Text("mirror.via")
	if !ok {
		return
	}
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		r.unixPath(n, "mirror.via", path, &r.config.Mirror.Via)
		return
	}
	if u := r.url(n, "mirror.via", text, "http"); u != nil {
		r.config.Mirror.Via = text
	}
}

func (r *reader) unixPath(n schema.Node, what, path string, to *string) {
	switch {
	case !strings.HasPrefix(path, "/"):
		n.Problem("", "%s: the path after unix: must begin with /", what)
	case len(path) > maxSocketPath:
		n.Problem("choose a shorter one", "%s: the path has %d bytes, a unix socket's at most %d", what, len(path), maxSocketPath)
	default:
		*to = "unix:" + filepath.Clean(path)
	}
}

func (r *reader) upstreams(n schema.Node) {
	n.Each("mirror.upstreams", func(name string, key, value schema.Node) {
		if !mirrorName.MatchString(name) {
			key.Problem("use small letters, digits, - and .", "mirror.upstreams: %q can't be a name in /mirror/NAME/", name)
			return
		}
		what := "mirror.upstreams." + name
		text, ok := value.Text(what)
		if !ok {
			return
		}
		if u := r.url(value, what, text, "http", "https"); u != nil {
			r.config.Mirror.Upstreams[name] = text
		}
	})
}

func (r *reader) redirects(n schema.Node) {
	items, _ := n.List("mirror.redirects")
	for _, item := range items {
		text, ok := item.Text("mirror.redirects")
		switch {
		case !ok:
		case !redirectForm.MatchString(text):
			item.Problem("write files.example.org, 10.0.0.7 or files.example.org:8080", "mirror.redirects: %q is not a host, with or without a port", text)
		default:
			r.config.Mirror.Redirects = append(r.config.Mirror.Redirects, text)
		}
	}
}

// url checks a URL; nil after a problem. The text is not repeated in messages,
// and hidden in the source line, where it may hold a password.
func (r *reader) url(n schema.Node, what, text string, schemes ...string) *url.URL {
	if strings.Contains(text, "@") {
		n.Hide()
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		n.Problem("write "+schemes[0]+"://host/path", "%s is not a URL without query and fragment", what)
	case !slices.Contains(schemes, u.Scheme):
		n.Problem(problem.DidYouMean(u.Scheme, schemes), "%s: the URL must begin with %s://", what, strings.Join(schemes, ":// or "))
	case u.User != nil:
		n.Problem("use a proxy (mirror.via) that logs in", "%s: a URL can't carry a user or password", what)
	default:
		return u
	}
	return nil
}

// hostPort reports whether a text is host:port or :port with a port from 1.
func hostPort(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || strings.ContainsAny(host, " /\t") {
		return false
	}
	p, err := strconv.ParseUint(port, 10, 16)
	return err == nil && p > 0
}
