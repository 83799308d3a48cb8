package schema

import (
	"maps"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// A Shape describes the values that a reader accepts. [ShapeOf] finds it by running the
// reader itself, so a description made from it always agrees with the reader.
type Shape struct {
	Text     bool     // a scalar, as it is written
	Bool     bool     // true or false
	Any      bool     // any value
	OneOf    []string // one of these texts
	Int      *Bounds  // a decimal number
	Duration *Bounds  // a Go duration, bounds in nanoseconds
	// List is the shape of a list's entries; one entry may stand without brackets.
	List *Shape
	// Fields are the keys of a mapping whose keys are known.
	Fields map[string]*Shape
	// Each is the shape of the values in a mapping whose keys are names.
	Each *Shape
}

// Bounds are the least and the greatest value, both allowed.
type Bounds struct{ Low, High int64 }

// Empty reports whether nothing is taken: a key that is known only to be refused.
func (s *Shape) Empty() bool {
	return !s.Text && !s.Bool && !s.Any && s.OneOf == nil && s.Int == nil && s.Duration == nil &&
		s.List == nil && s.Fields == nil && s.Each == nil
}

// A probe replaces the bytes of a File. Its nodes stand for any value, and note what their
// readers ask for. A node reports the kind of the current pass.
type probe struct {
	kind   yaml.Kind
	shapes map[*yaml.Node]*Shape
}

// probeNames are the names in a mapping of names: one that is a word, and one
// that is a number where a number is wanted.
func probeNames() []string { return []string{"x", "150"} }

// ShapeOf runs a reader on nodes that stand for any value, and returns the shape that it
// accepts. It calls the reader once for each kind of node. The reader must start over each
// time; its reports are dropped. Texts that it reads are never ok, so it must not read a
// second time after the first reading failed.
func ShapeOf(read func(root Node)) *Shape {
	root := &Shape{}
	for _, kind := range []yaml.Kind{yaml.ScalarNode, yaml.SequenceNode, yaml.MappingNode} {
		f := &File{probe: &probe{kind, map[*yaml.Node]*Shape{}}}
		read(f.stand(root))
	}
	return root
}

// stand makes a node for a value with a shape.
func (f *File) stand(s *Shape) Node {
	n := &yaml.Node{Kind: f.probe.kind}
	f.probe.shapes[n] = s
	return Node{f, n}
}

// shape collects the requests of a node's reader; nil for a node of a real file.
func (n Node) shape() *Shape {
	if n.file.probe == nil {
		return nil
	}
	if s := n.file.probe.shapes[n.n]; s != nil {
		return s
	}
	return &Shape{} // a key, which has no reader
}

func (s *Shape) fields(f *File, fields Fields) {
	if s.Fields == nil {
		s.Fields = map[string]*Shape{}
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if s.Fields[key] == nil {
			s.Fields[key] = &Shape{}
		}
		fields[key](f.stand(s.Fields[key]))
	}
}

func (s *Shape) each(f *File, read func(name string, key, value Node)) {
	if s.Each == nil {
		s.Each = &Shape{}
	}
	for _, name := range probeNames() {
		read(name, Node{f, &yaml.Node{Kind: yaml.ScalarNode, Value: name}}, f.stand(s.Each))
	}
}

func (s *Shape) list(f *File) []Node {
	if s.List == nil {
		s.List = &Shape{}
	}
	return []Node{f.stand(s.List)}
}

func (s *Shape) integer(low, high int) { s.Int = &Bounds{int64(low), int64(high)} }

func (s *Shape) duration(low, high time.Duration) { s.Duration = &Bounds{int64(low), int64(high)} }
