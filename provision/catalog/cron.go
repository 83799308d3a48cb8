package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"rackhand/provision/catalog/crontab"
)

// A Cron is a job of cron, in a file of its own in /etc/cron.d (crontab(5), cron(8)).
type Cron struct {
	Name   string `json:"name"`   // of the file
	Ensure string `json:"ensure"` // present, absent
	User   string `json:"user,omitempty"`
	// Schedule is five fields, such as "*/5 * * * *", or a word such as @daily.
	Schedule string `json:"schedule,omitempty"`
	Command  string `json:"command,omitempty"`
	// Environment are settings such as PATH=/usr/bin.
	Environment []string `json:"environment,omitempty"`
}

// maxCronLine bounds a line of a crontab: cron ignores a longer command (MAX_COMMAND in its
// source).
const maxCronLine = 990

var (
	// cron(8): names of files in /etc/cron.d are as run-parts(8) takes them. Others are
	// ignored.
	cronName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
	envName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

func (c *Cron) Title() string { return c.Name }

func (c *Cron) absent() bool { return c.Ensure == Absent }

// Paths is the file.
func (c *Cron) Paths() []string { return []string{"/etc/cron.d/" + c.Name} }

// Uses is the user that the command runs as.
func (c *Cron) Uses() []string {
	if c.Ensure == Absent {
		return nil
	}
	return accountIDs(c.User, "")
}

// Text is the content of the file. cron makes a line feed of a % (crontab(5)), so each one is
// escaped unless it already is.
func (c *Cron) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by rackhand: cron[%s]\n", c.Name)
	for _, e := range c.Environment {
		name, value, _ := strings.Cut(e, "=")
		fmt.Fprintf(&b, "%s=%s\n", name, quoted(value))
	}
	fmt.Fprintf(&b, "%s %s %s\n", c.Schedule, c.User, escapePercent(c.Command))
	return b.String()
}

func escapePercent(command string) string { return escaped(command, "%") }

// quoted is the value of a setting. cron drops blanks at the ends, and one pair of quotes.
func quoted(value string) string {
	if value == strings.Trim(value, " \t\"'") && value != "" {
		return value
	}
	if strings.Contains(value, `"`) {
		return "'" + value + "'"
	}
	return `"` + value + `"`
}

func (c *Cron) validate() error {
	if err := checkEnsure(c.Ensure); err != nil {
		return err
	}
	if !cronName.MatchString(c.Name) {
		return fmt.Errorf("%.140q is not a valid name: it is a file in /etc/cron.d, and cron ignores files with other characters than letters, digits, _ and -", c.Name)
	}
	if c.Ensure == Absent {
		if c.User != "" || c.Schedule != "" || c.Command != "" || len(c.Environment) > 0 {
			return errors.New("ensure: absent takes no other fields")
		}
		return nil
	}
	if len(c.User) > 64 || !userName.MatchString(c.User) {
		return fmt.Errorf("%.80q is not a valid user name", c.User)
	}
	if c.Command == "" || c.Command != strings.TrimSpace(c.Command) || strings.ContainsAny(c.Command, "\n\r\x00") {
		return errors.New("command has to be one line that begins and ends without a blank: put a longer script into a file")
	}
	if n := len(escapePercent(c.Command)); n > maxCronLine {
		return fmt.Errorf("command has %d bytes, and cron takes %d: put it into a script", n, maxCronLine)
	}
	for _, e := range c.Environment {
		if err := CheckSetting(e); err != nil {
			return err
		}
	}
	return crontab.Check(c.Schedule)
}

// CheckSetting checks a setting of the environment: NAME=value.
func CheckSetting(setting string) error {
	name, value, ok := strings.Cut(setting, "=")
	switch {
	case !ok || !envName.MatchString(name):
		return fmt.Errorf("%.80q: write NAME=value", setting)
	case len(setting) > maxCronLine || strings.ContainsAny(value, "\n\r\x00"):
		return fmt.Errorf("the value of %s has to be one line of at most %d bytes", name, maxCronLine)
	case strings.Contains(value, `"`) && strings.Contains(value, "'") && quoted(value) != value:
		return fmt.Errorf("the value of %s can't have both kinds of quotes where cron would drop one of them", name)
	}
	return nil
}
