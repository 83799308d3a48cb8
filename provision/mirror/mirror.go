// Package mirror is the cache between hosts and package mirrors: what one host
// has fetched, the next ones get from here. It serves only the upstreams that it
// was given, and keeps a file only once it has the whole of it.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"rackhand/provision"
)

// Options are what a cache needs to know.
type Options struct {
	Dir string // the cache's folder; made when missing
	// Upstreams are base URLs (http or https) by the name under which hosts see them.
	Upstreams map[string]string
	// Via is an HTTP proxy for the upstreams: "" for none, http://host:port, or
	// unix:/path for one on a unix socket.
	Via string
	// Transport replaces what Via says, in tests.
	Transport http.RoundTripper
	Clock     func() time.Time
	Log       *slog.Logger
	Record    provision.Recorder
	// Redirects are hosts to which an upstream may send the cache on: see Client.
	Redirects []string
	// MaxBytes bounds the cache and what is being fetched; what was used longest ago goes first. 0: 50 GB.
	MaxBytes int64
	// Fresh is for how long an index counts as current without asking. 0: 5 s, so
	// that the hosts of one rack ask once, and nobody gets an old index.
	Fresh time.Duration
	// Offline: the upstreams are never asked. What is kept is served as it is.
	Offline bool
	// Stall is how long an upstream may send nothing. 0: 30 s.
	Stall time.Duration
}

// A Cache serves /mirror/NAME/... as an [http.Handler].
type Cache struct {
	o         Options
	upstreams map[string]*url.URL
	client    *http.Client
	events    *events

	// The fetches' own life: they outlast the client that asked first, and end with Run.
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	shelves map[string]*shelf // by upstream; the map isn't changed

	mu       sync.Mutex
	flights  map[string]*flight
	seen     map[string]check     // when a file was last asked about
	down     map[string]time.Time // when an upstream last failed to answer
	sums     map[string]sum       // of kept files whose sums weren't noted
	bytes    int64                // what the cache holds; -1 until it was measured
	reserved int64                // what is under way has room for
	added    int64                // what came since the files were last measured
	pruning  sync.Mutex           // held while the cache is measured and pruned
}

const (
	defaultMax   = 50 << 30
	defaultFresh = 5 * time.Second
	defaultStall = 30 * time.Second
)

var upstreamName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// New checks the options and opens the cache, in which files that were under way
// when it was last closed or killed are removed.
func New(o Options) (*Cache, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Record == nil {
		o.Record = provision.RecorderFunc(func(provision.Event) error { return nil })
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMax
	}
	if o.Fresh <= 0 {
		o.Fresh = defaultFresh
	}
	if o.Stall <= 0 {
		o.Stall = defaultStall
	}
	c := &Cache{
		o: o, upstreams: map[string]*url.URL{}, events: newEvents(o),
		flights: map[string]*flight{}, seen: map[string]check{}, bytes: -1,
		shelves: map[string]*shelf{}, down: map[string]time.Time{}, sums: map[string]sum{},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for name, base := range o.Upstreams {
		u, err := parseUpstream(name, base)
		if err != nil {
			return nil, fmt.Errorf("mirror: upstream %s: %w", name, err)
		}
		c.upstreams[name], c.shelves[name] = u, &shelf{}
	}
	var err error
	if c.client, err = Client(o.Via, o.Stall, o.Redirects); err != nil {
		return nil, err
	}
	if o.Transport != nil {
		c.client.Transport = o.Transport
	}
	if err := os.MkdirAll(c.partial(), 0o755); err != nil {
		return nil, fmt.Errorf("mirror: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(c.partial(), "*"))
	if err != nil {
		return nil, fmt.Errorf("mirror: %w", err)
	}
	for _, f := range left {
		if err := os.Remove(f); err != nil {
			return nil, fmt.Errorf("mirror: remove what was under way: %w", err)
		}
	}
	return c, nil
}

// Names lists the upstreams' names in order.
func (c *Cache) Names() []string {
	names := make([]string, 0, len(c.upstreams))
	for n := range c.upstreams {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (c *Cache) partial() string { return filepath.Join(c.o.Dir, "partial") }
func (c *Cache) files() string   { return filepath.Join(c.o.Dir, "files") }

func parseUpstream(name, base string) (*url.URL, error) {
	if !upstreamName.MatchString(name) {
		return nil, errors.New("a name holds lower-case letters, digits, '.', '_' and '-'")
	}
	u, err := url.Parse(base)
	if err != nil {
		// The error quotes the URL, and that may hold a password.
		return nil, errors.New("that is no URL; write one such as http://mirror/debian")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("an upstream is an http or https URL without a query, such as http://mirror/debian")
	}
	// Its path goes upstream as it is written: GitLab's names a project GROUP%2FNAME.
	raw := strings.TrimRight(u.EscapedPath(), "/")
	if u.Path, err = url.PathUnescape(raw); err != nil {
		return nil, errors.New("that is no URL; write one such as http://mirror/debian")
	}
	u.RawPath = raw
	return u, nil
}
