package inventory

import (
	"maps"
	"net/netip"
	"runtime"
	"slices"
	"sync"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// A Problem is one thing that is wrong in the inventory; its String shows place,
// source line and hint.
type Problem = problem.Problem

// Problems are all problems of a load, sorted by place. File names in them are
// those within the inventory's folder.
type Problems = problem.Problems

// Options are a load's input from elsewhere.
type Options struct {
	// Roles are the names of the roles that there are; nil: not checked.
	Roles []string
	// Templates reports whether a Kickstart template of that name is there, in
	// the inventory's templates/ or built in; nil: not checked.
	Templates func(name string) bool
	// Appliance are the appliance's own addresses: no hint proposes one of them.
	Appliance []netip.Addr
}

// Load reads the inventory in a folder: every *.yaml and *.yml file directly in
// it, merged. Either the snapshot is whole and there are no problems, or it is
// nil and the problems are all that were found, in all files.
func Load(dir string, opt Options) (*Snapshot, Problems) {
	l := newLoader(opt)
	files := readDir(dir, l)
	return l.load(dir, files)
}

// Parse is Load for one file's bytes, read from nowhere: for drafts that are not
// saved yet. The snapshot has no Dir.
func Parse(name string, data []byte, opt Options) (*Snapshot, Problems) {
	return newLoader(opt).load("", []file{{name, data}})
}

// A loader gathers what the files declare, and the problems.
type loader struct {
	opt  Options
	dir  string // the inventory's folder; "" for a file that was read from nowhere
	list problem.List
	// broken: some file couldn't be read, so that a name that isn't declared may
	// well stand there; such references are not reported on top.
	broken bool

	defaults layer
	networks map[string]*networkDecl
	systems  map[string]*systemDecl
	groups   map[string]*groupDecl
	hosts    map[string]*hostDecl
	// authorities are certificates as PEM, by the file's name.
	authorities map[string][]byte
	// subnets are the networks whose subnet is right, by name; from checkNetworks.
	subnets []*networkDecl
	// disjoint are the same by address, when no two of them overlap; else nil.
	disjoint []*networkDecl
	// duplicate: some network is declared twice, so that a subnet is missing.
	duplicate bool
	// taken are all addresses that somebody has; nil until a hint needs them.
	taken map[netip.Addr]bool
}

func newLoader(opt Options) *loader {
	return &loader{
		opt:      opt,
		defaults: layer{},
		networks: map[string]*networkDecl{},
		systems:  map[string]*systemDecl{},
		groups:   map[string]*groupDecl{},
		hosts:    map[string]*hostDecl{},

		authorities: map[string][]byte{},
	}
}

// load decodes the files, checks the whole, and builds the snapshot.
func (l *loader) load(dir string, files []file) (*Snapshot, Problems) {
	l.dir = dir
	roots := parseAll(files)
	for _, r := range roots {
		if !r.ok {
			l.broken = true
			continue
		}
		l.decode(r.node)
	}
	l.checkNetworks()
	l.checkReferences()
	l.checkHosts()
	for i := range roots {
		l.list.Join(&roots[i].list)
	}
	if l.list.Len() > 0 {
		return nil, l.list.Problems()
	}
	s := l.snapshot(dir, revision(l.withAuthorities(files)))
	s.files = map[string]*schema.File{}
	for i := range roots {
		s.files[files[i].name] = roots[i].node.File()
	}
	return s, nil
}

// A root is a file that was parsed, with the problems of its nodes.
type root struct {
	node schema.Node
	ok   bool
	list problem.List
}

// parseAll parses files, as many at a time as there are processors: that is half
// of a load's time.
func parseAll(files []file) []root {
	roots := make([]root, len(files))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(len(files), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := range next {
				r := &roots[i]
				r.node, r.ok = schema.Parse(files[i].name, files[i].data, &r.list)
			}
		})
	}
	for i := range files {
		next <- i
	}
	close(next)
	workers.Wait()
	return roots
}

// decode reads the sections of one file.
func (l *loader) decode(root schema.Node) {
	section := func(what string, read func(name string, key, value schema.Node)) func(schema.Node) {
		return func(n schema.Node) { n.Each(what, read) }
	}
	root.FieldsHint("inventory", schema.Fields{
		"defaults": func(n schema.Node) {
			n.FieldsHint("defaults", l.layerFields("defaults", l.defaults, "system"), layerHint, nil)
		},
		"networks": section("networks", l.decodeNetwork),
		"systems":  section("systems", l.decodeSystem),
		"groups":   section("groups", l.decodeGroup),
		"hosts":    section("hosts", l.decodeHost),
	}, rootHint, nil)
}

// Bounds on what an inventory declares, far above 500 boxes: comparing all with
// all takes no time that anyone notices.
const (
	maxHosts  = 20000
	maxOthers = 2000
)

// declare reports a name that is declared already, and one too many.
func declare[T interface{ place() problem.Place }](m map[string]T, what, name string, key schema.Node, most int) bool {
	if first, ok := m[name]; ok {
		key.Problem("keep one of the two, or rename one", "%s %s is declared a second time; first at %s", what, name, first.place())
		return false
	}
	if len(m) >= most {
		key.Problem("use several appliances", "more than %d %ss", most, what)
		return false
	}
	return true
}

func sortedKeys[T any, M ~map[string]T](m M) []string { return slices.Sorted(maps.Keys(m)) }
