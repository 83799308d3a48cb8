package catalog

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// An Exec runs a command unless a condition says that it needn't.
type Exec struct {
	Name string `json:"name"`
	// Command is a program and its arguments.
	Command []string `json:"command"`
	// Creates is a path: the command isn't run if something lies there.
	Creates string `json:"creates,omitempty"`
	// Unless and OnlyIf are commands: it isn't run if Unless ends with status 0, or OnlyIf
	// with another one. A dry run runs them, too.
	Unless []string `json:"unless,omitempty"`
	OnlyIf []string `json:"onlyif,omitempty"`
	// RefreshOnly: it is run only when it is notified.
	RefreshOnly bool   `json:"refresh_only,omitempty"`
	Cwd         string `json:"cwd,omitempty"`  // absolute; "" means /
	User        string `json:"user,omitempty"` // as whom; "" means root
	// Environment are variables of the commands, NAME=VALUE.
	Environment []string `json:"environment,omitempty"`
	// Exit are the statuses of success; none means 0 alone.
	Exit  []int  `json:"exit,omitempty"`
	Umask string `json:"umask,omitempty"` // octal
	// Sensitive: the output reaches no log or report.
	Sensitive bool `json:"sensitive,omitempty"`
}

// environmentName is the name of a variable, POSIX 8.1 with small letters.
var environmentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// maxCommand bounds a command with its arguments, in bytes: MAX_ARG_STRLEN of Linux.
const maxCommand = 128 << 10

func (e *Exec) Title() string { return e.Name }

func (e *Exec) validate() error {
	if err := validTitle(e.Name); err != nil {
		return err
	}
	if err := validCommand("command", e.Command); err != nil {
		return err
	}
	for what, c := range map[string][]string{"unless": e.Unless, "onlyif": e.OnlyIf} {
		if c != nil {
			if err := validCommand(what, c); err != nil {
				return err
			}
		}
	}
	for what, p := range map[string]string{"creates": e.Creates, "cwd": e.Cwd} {
		if p != "" && (!path.IsAbs(p) || len(p) > 4095 || strings.ContainsAny(p, "\x00\n")) {
			return fmt.Errorf("%s is %.100q: write an absolute path", what, p)
		}
	}
	if e.User != "" && !validName(e.User) {
		return fmt.Errorf("%.80q is not a valid user name", e.User)
	}
	if e.Umask != "" {
		if mode, err := ParseMode(e.Umask); err != nil || mode > 0o777 {
			return fmt.Errorf("umask is %.20q: write three or four octal digits, such as 027", e.Umask)
		}
	}
	for _, n := range e.Exit {
		if n < 0 || n > 255 {
			return fmt.Errorf("exit has %d: 0 to 255 are allowed", n)
		}
	}
	return validEnvironment(e.Environment)
}

// validTitle checks the title of a resource that is named freely.
func validTitle(name string) error {
	if name == "" || len(name) > 200 || strings.TrimSpace(name) != name || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%.220q is not a valid name: 1 to 200 bytes, without line breaks", name)
	}
	return nil
}

func validCommand(what string, words []string) error {
	size := 0
	for i, word := range words {
		if size += len(word) + 1; strings.ContainsRune(word, 0) || word == "" && i == 0 {
			return fmt.Errorf("%s must be a program and its arguments", what)
		}
	}
	switch {
	case len(words) == 0:
		return fmt.Errorf("%s is empty", what)
	case strings.HasPrefix(words[0], "-"):
		return fmt.Errorf("%s begins with %.40q, which is not a program", what, words[0])
	case size > maxCommand:
		return fmt.Errorf("%s has more than %d KiB", what, maxCommand>>10)
	}
	return nil
}

func validEnvironment(vars []string) error {
	if len(vars) > 100 {
		return errors.New("environment has more than 100 variables")
	}
	for _, v := range vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || !environmentName.MatchString(name) || len(value) > 32<<10 || strings.ContainsRune(value, 0) {
			return fmt.Errorf("environment: %.60q is not NAME=VALUE", name)
		}
	}
	return nil
}
