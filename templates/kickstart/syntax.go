package kickstart

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A Release names an installer's generation of the language.
type Release string

// The releases whose grammar is known.
const (
	RHEL7  Release = "RHEL7"
	RHEL8  Release = "RHEL8"
	RHEL9  Release = "RHEL9"
	RHEL10 Release = "RHEL10"
	F42    Release = "F42"
	F43    Release = "F43"
	F44    Release = "F44"
)

// Releases are the releases whose grammar is known.
func Releases() []Release { return []Release{RHEL7, RHEL8, RHEL9, RHEL10, F42, F43, F44} }

// A Syntax is the grammar of one release.
type Syntax struct {
	Commands map[string]*CommandSpec `json:"commands"`
	// Sections are those that the release knows.
	Sections map[string]SectionSpec `json:"sections"`
}

// A SectionSpec is the grammar of a section's header.
type SectionSpec struct {
	Options    []string   `json:"options"`
	ExtraWords extraWords `json:"extra_words"`
}

// extraWords is "ignored" when words that no positional takes are dropped silently;
// else "", and they are an error.
type extraWords string

const ignored extraWords = "ignored"

// A CommandSpec is a command's grammar.
type CommandSpec struct {
	// Status is "" (works), "deprecated" (accepted, no effect) or "removed".
	Status      string           `json:"status"`
	Options     []OptionSpec     `json:"options"`
	Positionals []PositionalSpec `json:"positionals"`
	ExtraWords  extraWords       `json:"extra_words"`
}

// An OptionSpec is an option's grammar.
type OptionSpec struct {
	Flags      []string `json:"flags"` // all spellings, with their dashes
	TakesValue bool     `json:"takes_value"`
	Nargs      nargs    `json:"nargs"` // "0", "?", or "" for one value
	Required   bool     `json:"required"`
	Choices    []string `json:"choices"`
	Type       string   `json:"type"` // int, ksboolean, commaSplit, ...
	Deprecated bool     `json:"deprecated"`
	Removed    bool     `json:"removed"`
}

// A PositionalSpec is a positional argument's grammar.
type PositionalSpec struct {
	Name     string   `json:"name"`
	Nargs    nargs    `json:"nargs"` // "1", "?", "*"; "" is one
	Required bool     `json:"required"`
	Choices  []string `json:"choices"`
}

// nargs is written as a number or as text.
type nargs string

// UnmarshalJSON reads 0, 1, "?" or "*".
func (n *nargs) UnmarshalJSON(data []byte) error {
	*n = nargs(data)
	if len(data) >= 2 && data[0] == '"' {
		*n = nargs(data[1 : len(data)-1])
	}
	return nil
}

//go:embed syntax.json
var syntaxJSON []byte

var loadSyntax = sync.OnceValues(func() (map[Release]*Syntax, error) {
	var all map[Release]*Syntax
	err := json.Unmarshal(syntaxJSON, &all)
	return all, err
})

// LookupSyntax returns the grammar of a release; it is shared and must not be
// changed. The error says which releases there are.
func LookupSyntax(r Release) (*Syntax, error) {
	all, err := loadSyntax()
	if err != nil {
		return nil, fmt.Errorf("read the embedded Kickstart grammar: %w", err)
	}
	if s := all[r]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("no Kickstart grammar for release %q; known are %v", r, Releases())
}

func (c *CommandSpec) flags() []string {
	var out []string
	for _, o := range c.Options {
		out = append(out, o.Flags...)
	}
	return out
}

// Find resolves a flag: its exact spelling, or an unambiguous beginning of one.
// The second result lists the candidates when it is ambiguous.
func (c *CommandSpec) Find(flag string) (*OptionSpec, []string) {
	var (
		found *OptionSpec
		names []string
	)
	for i := range c.Options {
		o := &c.Options[i]
		for _, f := range o.Flags {
			switch {
			case f == flag:
				return o, nil
			case !o.Removed && strings.HasPrefix(flag, "--") && strings.HasPrefix(f, flag):
				found = o
				names = append(names, f)
			}
		}
	}
	if len(names) > 1 { // as argparse: even two spellings of one option clash
		slices.Sort(names)
		return nil, names
	}
	return found, nil
}
