package catalog

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// An ExecCheck runs a program on the host, as root or another user.
type ExecCheck struct {
	Command []string `json:"command"` // the program and its arguments; no shell
	Exit    int      `json:"exit"`    // the exit status that is right
	// Content is of what it writes to stdout and stderr.
	Content
	User string `json:"user,omitempty"` // "" for root
}

func (e *ExecCheck) words() string {
	text := "exec " + strings.Join(e.Command, " ")
	return cut(strings.ToValidUTF8(text, "?"), shortMessage)
}

func (e *ExecCheck) anywhere() bool { return false }

func (e *ExecCheck) validate() error {
	size := 0
	for _, word := range e.Command {
		size += len(word)
		if strings.ContainsRune(word, 0) {
			return errors.New("a word of the command has a NUL byte")
		}
	}
	switch {
	case len(e.Command) == 0 || e.Command[0] == "" || e.Command[0][0] == '-':
		return errors.New("command must be a program and its arguments")
	case len(e.Command) > MaxWords || size > 4*MaxText:
		return fmt.Errorf("the command may have %d words and %d bytes", MaxWords, 4*MaxText)
	case e.Exit < 0 || e.Exit > 255:
		return fmt.Errorf("exit is %d: 0 to 255 are allowed", e.Exit)
	}
	if e.User != "" {
		if err := ValidUser(e.User); err != nil {
			return err
		}
	}
	return e.Content.validate()
}

// ValidUser says what is wrong with the name of a user.
func ValidUser(name string) error {
	if len(name) > 64 || !userName.MatchString(name) {
		return fmt.Errorf("%.80q is not a valid user name", name)
	}
	return nil
}

// A SystemdCheck counts the failed units of the host.
type SystemdCheck struct {
	Failed int `json:"failed"` // at most so many
	// Except are names of units that don't count, and patterns of them (path.Match).
	Except []string `json:"except,omitempty"`
}

func (s *SystemdCheck) words() string  { return "systemd failed units" }
func (s *SystemdCheck) anywhere() bool { return false }

func (s *SystemdCheck) validate() error {
	if s.Failed < 0 || s.Failed > MaxUnits {
		return fmt.Errorf("failed is %d: 0 to %d are allowed", s.Failed, MaxUnits)
	}
	if len(s.Except) > MaxWords {
		return fmt.Errorf("except has %d entries, at most %d are allowed", len(s.Except), MaxWords)
	}
	for _, pattern := range s.Except {
		if err := ValidUnits(pattern); err != nil {
			return err
		}
	}
	return nil
}

// ValidUnits says what is wrong with the name of a unit, or a pattern of such names.
func ValidUnits(pattern string) error {
	if _, err := path.Match(pattern, ""); err != nil || pattern == "" || len(pattern) > 255 || strings.ContainsAny(pattern, " \t\n\x00/") {
		return fmt.Errorf("%.80q is not the name of a unit", pattern)
	}
	return nil
}
