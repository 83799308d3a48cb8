package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Timer is a timer of systemd and the oneshot service that it starts: NAME.timer and
// NAME.service in /etc/systemd/system.
type Timer struct {
	Name        string   `json:"name"`
	Ensure      string   `json:"ensure"` // present, absent
	Description string   `json:"description,omitempty"`
	Command     []string `json:"command,omitempty"` // a program and its arguments
	// Schedule is OnCalendar= of systemd.timer(5); Every and Boot are OnUnitActiveSec= and
	// OnBootSec=, in seconds.
	Schedule []string `json:"schedule,omitempty"`
	Every    int      `json:"every,omitempty"`
	Boot     int      `json:"boot,omitempty"`
	User     string   `json:"user,omitempty"` // as whom; "" means root
	// Persistent: a run that was missed, since the host was off, is made up for.
	Persistent  bool     `json:"persistent,omitempty"`
	RandomDelay int      `json:"random_delay,omitempty"` // in seconds
	Environment []string `json:"environment,omitempty"`  // NAME=VALUE
}

var unitProgram = regexp.MustCompile(`^(/|[A-Za-z0-9_])[A-Za-z0-9_./+@-]*$`)

// MaxTimer bounds the times of a timer, in seconds.
const MaxTimer = 366 * 24 * 3600

func (t *Timer) Title() string { return t.Name }
func (t *Timer) absent() bool  { return t.Ensure == Absent }

func (t *Timer) validate() error {
	switch {
	case len(t.Name) > 200 || !unitName.MatchString(t.Name) || strings.Contains(t.Name, "@"):
		return fmt.Errorf("%.140q is not a valid name of a timer", t.Name)
	case strings.HasSuffix(t.Name, ".timer") || strings.HasSuffix(t.Name, ".service"):
		return fmt.Errorf("%.140q: leave the suffix out", t.Name)
	case t.Name == agentUnit:
		return errors.New("a timer of this name would replace the agent's own service")
	case t.Ensure == Absent:
		return nil
	case t.Ensure != Present:
		return fmt.Errorf("ensure is %.40q: use present or absent", t.Ensure)
	case len(t.Schedule) == 0 && t.Every == 0 && t.Boot == 0:
		return errors.New("it never starts: add schedule, every or boot")
	case len(t.Description) > 200 || strings.ContainsAny(t.Description, "\n\r\\\x00"):
		return errors.New("a description has at most 200 bytes in one line, without a backslash")
	case t.User != "" && !validName(t.User):
		return fmt.Errorf("%.80q is not a valid user name", t.User)
	}
	for what, n := range map[string]int{"every": t.Every, "boot": t.Boot, "random_delay": t.RandomDelay} {
		if n < 0 || n > MaxTimer {
			return fmt.Errorf("%s is %d seconds: 0 to %d are allowed", what, n, MaxTimer)
		}
	}
	for _, s := range t.Schedule {
		if err := CheckCalendar(s); err != nil {
			return err
		}
	}
	if err := validCommand("command", t.Command); err != nil {
		return err
	}
	// ExecStart= gives other characters at its beginning a meaning.
	if !unitProgram.MatchString(t.Command[0]) {
		return fmt.Errorf("command begins with %.80q: name a program by its absolute path, or by its name", t.Command[0])
	}
	for _, word := range slices.Concat(t.Command, t.Environment) {
		if !utf8.ValidString(word) {
			return errors.New("a unit file is UTF-8, and its command or environment is not")
		}
	}
	return validEnvironment(t.Environment)
}

// CheckCalendar finds plain mistakes in an OnCalendar= text (systemd.time(7)). The host's
// own systemd-analyze(1) has the last word.
func CheckCalendar(text string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	ok := strings.TrimSpace(text) == text && text != "" && len(text) <= 200 &&
		strings.Trim(text, letters+"0123456789 *-~:,./_+") == ""
	if !ok {
		return fmt.Errorf("schedule is %.100q: write it as OnCalendar= takes it, such as daily, Mon 03:00 or *-*-* 04:30:00", text)
	}
	if len(strings.Fields(text)) == 5 && strings.Trim(text, "0123456789 */,-") == "" {
		return fmt.Errorf("schedule is %.100q, which is cron's form: write *-*-* 04:30:00 instead of 30 4 * * *", text)
	}
	return nil
}
