package kind

import (
	"cmp"
	"errors"
	"strings"

	"rackhand/provision/catalog"
	"rackhand/provision/catalog/crontab"
)

// cronTimes are the fields of a schedule, in its order.
var cronTimes = []string{"minute", "hour", "day", "month", "weekday"}

func cronKind() Kind {
	k := Kind{
		Name: catalog.KindCron, Text: "A job of cron, by the name of a file in /etc/cron.d.", Example: "backup", Needs: "command: /bin/x, minute: 0",
		Fields: map[string]Field{
			"ensure":      ensureField(),
			"user":        {Text: "the user that the command runs as", Default: "root", Examples: []string{"www-data"}},
			"command":     {Text: "a command line for /bin/sh", Examples: []string{"/usr/local/bin/backup --all"}},
			"schedule":    {Spec: Spec{Valid: valid(func(text string) error { return crontab.Check(oneBlank(text)) })}, Text: "when it runs: five fields as in crontab(5), or a word such as @daily", Examples: []string{`"*/5 * * * *"`, `"@daily"`}},
			"environment": {Spec: Spec{Type: Words, Valid: valid(catalog.CheckSetting)}, Text: "settings of its environment", Examples: []string{`["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]`}},
		},
		CheckTitle: func(title string) error {
			return checked(catalog.Resource{Cron: &catalog.Cron{Name: title, Ensure: catalog.Absent}})
		},
		Shape: cronShape,
		Make:  makeCron,
	}
	for i, example := range []string{"30", `"1-5"`, "1", "jan", "mon-fri"} {
		name := cronTimes[i]
		k.Fields[name] = Field{Spec: Spec{Valid: valid(crontab.CheckField(name))}, Text: "its " + name + ", as in crontab(5)", Default: `"*"`, Examples: []string{example, `"*"`}}
	}
	return k
}

func cronShape(w Written) (hint string, err error) {
	times := false
	for _, name := range cronTimes {
		times = times || w.Has(name)
	}
	absent, known := isAbsent(w)
	switch {
	case times && w.Has("schedule"):
		return "keep one of them", errors.New("schedule and its single fields exclude each other")
	case times && !w.Has("minute"):
		return `add minute: 0, or minute: "*" for every minute`, errors.New("without minute, it runs every minute of that time")
	case known && !absent && !times && !w.Has("schedule"):
		return "add schedule, or minute, hour, day, month and weekday", errors.New("when?")
	case known && !absent && !w.Has("command"):
		return "add command", errors.New("which command?")
	}
	return "", nil
}

func makeCron(title string, v Values) catalog.Resource {
	c := &catalog.Cron{Name: title, Ensure: cmp.Or(v.Text("ensure"), catalog.Present), User: v.Text("user"), Command: v.Text("command"), Environment: v.List("environment")}
	if v.Has("schedule") {
		c.Schedule = oneBlank(v.Text("schedule"))
	} else if v.Has("minute") {
		var times []string
		for _, name := range cronTimes {
			times = append(times, cmp.Or(v.Text(name), "*"))
		}
		c.Schedule = strings.Join(times, " ")
	}
	if c.Ensure == catalog.Present {
		c.User = cmp.Or(c.User, "root")
	}
	return catalog.Resource{Cron: c}
}

// oneBlank is a schedule with one blank between its fields.
func oneBlank(text string) string { return strings.Join(strings.Fields(text), " ") }
