// Package mirror is an HTTP cache between hosts and package mirrors: a file that one host
// has fetched comes from here for the next one. It serves only the upstreams in its
// options, and stores a file only when all of it is there.
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
	"sync/atomic"
	"time"

	"rackhand/provision"
)

// Options are the settings of a cache.
type Options struct {
	Dir string // the cache's folder; made when missing
	// Upstreams are base URLs (http or https) by the name under which hosts see them.
	Upstreams map[string]string
	// Via is an HTTP proxy for requests to upstreams: "" for none, http://host:port, or
	// unix:/path for one on a unix socket.
	Via string
	// Transport replaces Via in tests.
	Transport http.RoundTripper
	Clock     func() time.Time
	Log       *slog.Logger
	Record    provision.Recorder
	// Redirects are hosts to which an upstream may redirect the cache: see Client.
	Redirects []string
	// MaxBytes bounds the stored files and the downloads under way. The least recently
	// used files are removed first. 0: 50 GB.
	MaxBytes int64
	// Fresh is how long an index counts as current without asking. 0: 5 s, so that the
	// hosts of one rack cause one request, and no host gets an old index.
	Fresh time.Duration
	// Offline: upstreams are never asked. Stored files are served as they are.
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

	// The context of fetches. They outlast the client that asked first, and end with Run.
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	fetches, failures, fetched atomic.Uint64 // see Stats

	indexSets map[string]*indexSet // by upstream; the map is constant

	mu       sync.Mutex
	flights  map[string]*flight
	seen     map[string]check     // when the upstream was last asked about a file
	down     map[string]time.Time // when an upstream last failed to answer
	sums     map[string]sum       // of stored files without a sum in their meta
	bytes    int64                // the size of the stored files; -1 until they are measured
	reserved int64                // space for downloads under way
	added    int64                // the size of files that came since the last measurement
	pruning  sync.Mutex           // held while the cache is measured and pruned
}

const (
	defaultMax   = 50 << 30
	defaultFresh = 5 * time.Second
	defaultStall = 30 * time.Second
)

var upstreamName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// New checks the options and opens the cache. It removes files that were under way when
// the cache was last closed or killed.
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
		indexSets: map[string]*indexSet{}, down: map[string]time.Time{}, sums: map[string]sum{},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for name, base := range o.Upstreams {
		u, err := parseUpstream(name, base)
		if err != nil {
			return nil, fmt.Errorf("mirror: upstream %s: %w", name, err)
		}
		c.upstreams[name], c.indexSets[name] = u, &indexSet{}
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
			return nil, fmt.Errorf("mirror: remove unfinished downloads: %w", err)
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
		return nil, errors.New("not a URL; write one such as http://mirror/debian")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("an upstream is an http or https URL without a query, such as http://mirror/debian")
	}
	// Its path goes upstream as it is written: GitLab's names a project GROUP%2FNAME.
	raw := strings.TrimRight(u.EscapedPath(), "/")
	if u.Path, err = url.PathUnescape(raw); err != nil {
		return nil, errors.New("not a URL; write one such as http://mirror/debian")
	}
	u.RawPath = raw
	return u, nil
}

// Run waits until ctx ends. Then it ends all fetches under way and waits for them.
// Afterwards the cache fetches nothing more.
func (c *Cache) Run(ctx context.Context) error {
	<-ctx.Done()
	c.mu.Lock()
	c.cancel()
	c.mu.Unlock()
	c.running.Wait()
	return nil
}
