package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Sudoers is a file of rules in /etc/sudoers.d (sudoers(5)): a text, or one rule.
type Sudoers struct {
	Name    string `json:"name"`   // of the file
	Ensure  string `json:"ensure"` // present, absent
	Content string `json:"content,omitempty"`
	// The rule lets User, or the members of Group, run Commands.
	User     string   `json:"user,omitempty"`
	Group    string   `json:"group,omitempty"`
	Commands []string `json:"commands,omitempty"`
	// RunAs is the user that they run as, or USER:GROUP; "" means root.
	RunAs string `json:"runas,omitempty"`
	// Hosts are the hosts that it holds on; none means ALL.
	Hosts []string `json:"hosts,omitempty"`
	// NoPasswd: sudo doesn't ask for a password.
	NoPasswd bool `json:"nopasswd,omitempty"`
}

var (
	// sudoers(5): files with a dot, or with ~ at the end, are ignored.
	sudoersName = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,127}$`)
	sudoAlias   = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	sudoHost    = regexp.MustCompile(`^!?[a-zA-Z0-9+][a-zA-Z0-9_.:/*?-]*$`)
)

func (s *Sudoers) Title() string { return s.Name }

func (s *Sudoers) absent() bool { return s.Ensure == Absent }

// Paths is the file.
func (s *Sudoers) Paths() []string { return []string{"/etc/sudoers.d/" + s.Name} }

// Uses are the package of sudo, and the user and group of the rule.
func (s *Sudoers) Uses() []string {
	if s.Ensure == Absent {
		return nil
	}
	return append(accountIDs(s.User, s.Group), ID(KindPackage, "sudo"))
}

// Text is the content of the file.
func (s *Sudoers) Text() string {
	if s.Content != "" {
		return strings.TrimSuffix(s.Content, "\n") + "\n"
	}
	who, hosts, as, tag := s.User, "ALL", "root", ""
	if s.Group != "" {
		who = "%" + s.Group
	}
	if len(s.Hosts) > 0 {
		hosts = strings.Join(s.Hosts, ",")
	}
	if s.RunAs != "" {
		as = s.RunAs
	}
	if s.NoPasswd {
		tag = "NOPASSWD: "
	}
	var commands []string
	for _, c := range s.Commands {
		commands = append(commands, escapeSudo(c))
	}
	return fmt.Sprintf("# Written by rackhand: sudoers[%s]\n%s %s=(%s) %s%s\n", s.Name, who, hosts, as, tag, strings.Join(commands, ", "))
}

// escapeSudo escapes what ends a command in a rule (sudoers(5)), unless it already is.
func escapeSudo(command string) string { return escaped(command, ",:=#") }

// escaped puts a backslash before each of some signs that has none. A backslash that is
// escaped itself escapes nothing.
func escaped(text, signs string) string {
	var b strings.Builder
	after := false // a backslash that escapes
	for i := range len(text) {
		if !after && strings.IndexByte(signs, text[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
		after = !after && text[i] == '\\'
	}
	return b.String()
}

func (s *Sudoers) validate() error {
	rule := s.User != "" || s.Group != "" || len(s.Commands) > 0 || s.RunAs != "" || len(s.Hosts) > 0 || s.NoPasswd
	switch {
	case !sudoersName.MatchString(s.Name):
		return fmt.Errorf("%.140q is not a valid name: it is a file in /etc/sudoers.d, and sudo ignores files with a dot or ~; use letters, digits, _ and -", s.Name)
	case s.Ensure == Absent && (rule || s.Content != ""):
		return errors.New("ensure: absent takes no other fields")
	case s.Ensure != Present:
		return checkEnsure(s.Ensure)
	case s.Content != "" && rule:
		return errors.New("a content excludes the fields of a rule: user, group, commands, runas, hosts, nopasswd")
	case s.Content != "":
		if len(s.Content) > MaxBody || strings.ContainsRune(s.Content, 0) {
			return fmt.Errorf("the content has to be a text of at most %d bytes", MaxBody)
		}
		return nil
	case (s.User == "") == (s.Group == ""):
		return errors.New("a rule is for a user or for a group: write one of them, and commands")
	case len(s.Commands) == 0:
		return errors.New("commands is missing: write the programs that may be run, or ALL")
	case s.User != "" && !userName.MatchString(s.User) || s.Group != "" && !userName.MatchString(s.Group):
		return fmt.Errorf("%.80q is not a valid name of a user or group", s.User+s.Group)
	}
	return s.checkRule()
}

func (s *Sudoers) checkRule() error {
	if s.RunAs != "" {
		user, group, pair := strings.Cut(s.RunAs, ":")
		if user != "" && !userName.MatchString(user) || pair && !userName.MatchString(group) {
			return fmt.Errorf("runas %.80q: write USER or USER:GROUP", s.RunAs)
		}
	}
	for _, h := range s.Hosts {
		if len(h) > 255 || !sudoHost.MatchString(h) {
			return fmt.Errorf("host %.80q: write a name, an address or ALL", h)
		}
	}
	for _, c := range s.Commands {
		if err := CheckSudoCommand(c); err != nil {
			return err
		}
	}
	if len(s.Text()) > MaxBody {
		return fmt.Errorf("the rule has more than %d bytes", MaxBody)
	}
	return nil
}

// CheckSudoCommand checks a command of a rule.
func CheckSudoCommand(command string) error {
	name := strings.TrimPrefix(command, "!")
	path, _, _ := strings.Cut(name, " ")
	switch {
	case command != strings.TrimSpace(command) || strings.ContainsAny(command, "\n\r\x00\""):
		return fmt.Errorf("command %.80q has to be one line without quotes or blanks at its ends", command)
	case sudoAlias.MatchString(name), path == "sudoedit" && path != name:
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("command %.80q: write the absolute path of a program, sudoedit FILE or ALL", command)
	case strings.ContainsAny(command, "()") || strings.HasSuffix(command, `\`):
		return fmt.Errorf("command %.80q: brackets, and a backslash at the end, can't stand in a rule; write the file as content", command)
	}
	return nil
}
