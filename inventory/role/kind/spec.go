package kind

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"rackhand/provision/catalog"
)

// Type is the type of a field.
type Type int

// The types of fields.
const (
	Text     Type = iota
	Boolean       // true, false, yes, no
	Number        // Low to High
	Mode          // octal digits
	OneOf         // one of Known
	Duration      // Low to High, in seconds
	Filename      // of a file in templates/
	AbsPath       // begins with /
	URLPath       // begins with /, without spaces
	Words         // a list of texts, of Known if that is set
	Tags          // a list of names of small letters, digits, _ and -
	Command       // a list of texts, or a text for the shell
	IDs           // a list of ids of resources
	Title         // what a resource of the kind Known[0] is called
)

// Spec is what a field takes.
type Spec struct {
	Type      Type
	Known     []string
	Low, High int
	Empty     bool   // the empty text is a value
	Secret    bool   // ${secret.NAME} may stand here
	Loop      string // the name of an item of each that may stand here, "" for none
	// Valid says what else is wrong with a text; nil for nothing. Form is a regular
	// expression of it for editors; "" for that of the type.
	Valid func(text string) (hint string, err error)
	Form  string
}

// List reports whether the field takes a list.
func (s Spec) List() bool {
	return s.Type == Words || s.Type == Tags || s.Type == Command || s.Type == IDs
}

// ID takes the id of a resource apart; false if it isn't one of a known kind.
func ID(id string) (k Kind, title string, ok bool) {
	name := catalog.KindOf(id)
	k, ok = Find(name)
	if !ok || len(id) < len(name)+3 {
		return k, "", false
	}
	return k, id[len(name)+1 : len(id)-1], true
}

// Find is a kind by its name.
func Find(name string) (Kind, bool) {
	k, ok := table[name]
	return k, ok
}

// table has the kinds by their names.
var table = func() map[string]Kind {
	m := map[string]Kind{}
	for _, k := range All() {
		m[k.Name] = k
	}
	return m
}()

// Check says what doesn't fit in a text whose references are resolved.
func (s Spec) Check(text string) (hint string, err error) {
	switch s.Type {
	case Boolean:
		if _, ok := ParseBool(text); !ok {
			return "write true or false", fmt.Errorf("%.40q is neither true nor false", text)
		}
	case Number:
		if n, err := strconv.Atoi(text); err != nil || n < s.Low || n > s.High {
			return "", fmt.Errorf("%.40q is not a number from %d to %d", text, s.Low, s.High)
		}
	case Mode:
		if _, err := catalog.ParseMode(text); err != nil {
			return "", err
		}
	case Tags:
		if err := catalog.CheckTags([]string{text}); err != nil {
			return "", err
		}
	case OneOf, Words:
		if s.Known != nil && !slices.Contains(s.Known, text) {
			return hintValue(text, s.Known), fmt.Errorf("unknown value %.40q", text)
		}
	case Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return "write a number with its unit: 90s, 15m", fmt.Errorf("%.40q is not a duration", text)
		}
		if d < time.Duration(s.Low)*time.Second || d > time.Duration(s.High)*time.Second {
			return "", fmt.Errorf("%s is not between %s and %s", d, time.Duration(s.Low)*time.Second, time.Duration(s.High)*time.Second)
		}
	case Filename:
		if text != path.Base(text) || strings.HasPrefix(text, ".") || strings.ContainsRune(text, 0) {
			hint := "name a file in templates/, without a folder"
			switch {
			case strings.HasPrefix(text, "puppet:"):
				hint = fmt.Sprintf("copy the file into templates/, and write its name: %s", path.Base(text))
			case strings.Contains(text, "://"):
				hint = "download the file into templates/, and write its name; rackhand fetches no URLs"
			}
			return hint, fmt.Errorf("%.80q is not the name of a file in templates/", text)
		}
	case AbsPath:
		if !path.IsAbs(text) || text != path.Clean(text) || strings.ContainsAny(text, "\x00\n") {
			return "write it as /path", fmt.Errorf("%.80q is no path", text)
		}
	case URLPath:
		if !strings.HasPrefix(text, "/") || strings.ContainsAny(text, " \t\r\n") {
			return "write it as /path", fmt.Errorf("%.80q is no path", text)
		}
	case Title:
		if k, ok := Find(s.Known[0]); ok {
			return "", k.checkTitle(text)
		}
	case IDs:
		if _, _, ok := ID(text); !ok {
			return hintID(text), fmt.Errorf("%.80q names no resource", text)
		}
	}
	if s.Valid != nil {
		return s.Valid(text)
	}
	return "", nil
}

// valid is a Valid without hints.
func valid(check func(text string) error) func(text string) (string, error) {
	return func(text string) (string, error) { return "", check(text) }
}

// ParseBool reads a boolean by schema: the words of YAML 1.1 that people write,
// and none of its surprises (y, on, 1 are errors).
func ParseBool(text string) (value, ok bool) {
	switch text {
	case "true", "yes":
		return true, true
	case "false", "no":
		return false, true
	}
	return false, false
}

// checkTitle says what is wrong with a title.
func (k Kind) checkTitle(title string) error {
	if k.Clean != nil {
		title = k.Clean(title)
	}
	if k.CheckTitle != nil {
		return k.CheckTitle(title)
	}
	r := k.Resource(title, nothing{})
	return r.Validate()
}

// Pattern is what an editor checks of a field: a text without ${...} is of its type. ""
// for any text.
func (s Spec) Pattern() string {
	form := s.Form
	switch s.Type {
	case Boolean:
		form = "true|false|yes|no"
	case Number:
		form = "[0-9]+"
	case Mode:
		form = "[0-7]+"
	case OneOf:
		form = strings.Join(s.Known, "|")
	case Words:
		if s.Known == nil {
			return ""
		}
		form = strings.Join(s.Known, "|")
	case Tags:
		form = "[a-z0-9_-]{1,64}"
	case Duration:
		form = `([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+`
	case AbsPath, URLPath:
		form = "/.*"
	case IDs:
		form = `(` + strings.Join(Names(), "|") + `)\[.+\]`
	}
	if form == "" {
		return ""
	}
	return `\$\{|^(` + form + `)$`
}
