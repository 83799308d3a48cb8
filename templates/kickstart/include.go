package kickstart

import "fmt"

// maxIncludes bounds how deep files may include one another.
const maxIncludes = 8

// Include is a file with the commands and sections of the files that its %include lines
// name in their place, as an installer has it once %pre has run. read returns the text
// under a path. Commands from another file have the place of the %include line. The
// error names that line; it is a *Problem when the other file's structure is broken.
func Include(f *File, read func(path string) ([]byte, error)) (*File, error) {
	return include(f, read, maxIncludes)
}

func include(f *File, read func(path string) ([]byte, error), deep int) (*File, error) {
	out := &File{Name: f.Name, Sections: f.Sections}
	for _, c := range f.Commands {
		if c.Name != "%include" {
			out.Commands = append(out.Commands, c)
			continue
		}
		path := c.Words[0].Text
		fail := func(err error) error {
			return fmt.Errorf("%s:%s: %%include %s: %w", f.Name, c.Pos, Clip(path), err)
		}
		if deep == 0 {
			return nil, fail(fmt.Errorf("files include one another more than %d deep", maxIncludes))
		}
		text, err := read(path)
		if err != nil {
			return nil, fail(err)
		}
		other := &File{Name: path}
		if len(text) > 0 { // a %pre that has nothing to say leaves an empty file
			if other, err = Parse(path, text); err != nil {
				return nil, fail(err)
			}
		}
		if other, err = include(other, read, deep-1); err != nil {
			return nil, fail(err)
		}
		for _, more := range other.Commands {
			at := *more
			at.Pos, at.Words = c.Pos, nil
			for _, w := range more.Words {
				at.Words = append(at.Words, Word{w.Text, c.Pos})
			}
			out.Commands = append(out.Commands, &at)
		}
		for _, s := range other.Sections {
			if s.Name == "%pre" {
				return nil, fail(fmt.Errorf("a %%pre in it would not run"))
			}
			at := *s
			at.Pos, at.BodyLine = c.Pos, c.Pos.Line
			out.Sections = append(out.Sections, &at)
		}
	}
	return out, nil
}
