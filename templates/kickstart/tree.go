package kickstart

// A File is a parsed Kickstart.
type File struct {
	Name string
	// Commands in the file's order. %include at command level is a command of
	// that name.
	Commands []*Command
	// Sections in the file's order.
	Sections []*Section
}

// A Command is one line: its name, then options and positionals as words. Which
// word is what depends on the grammar of a release or engine: see Bind.
type Command struct {
	Name  string
	Pos   Pos
	Words []Word
	// Line is the whole line as it stands, with its line end.
	Line string
	// Continued: the line before ends with a backslash, which continues nothing. The
	// name may then be a part of a password.
	Continued bool
}

// A Section is a %script, %packages or another section.
type Section struct {
	Name  string // with its %: "%pre"
	Pos   Pos
	Words []Word // the header's options
	// Body is the text between the header's line and %end, verbatim, each line
	// with its line feed.
	Body string
	// BodyLine is the line number of the body's first line.
	BodyLine int
}

// Find returns the file's commands of any of these names, in order.
func (f *File) Find(names ...string) []*Command {
	var out []*Command
	for _, c := range f.Commands {
		for _, n := range names {
			if c.Name == n {
				out = append(out, c)
			}
		}
	}
	return out
}
