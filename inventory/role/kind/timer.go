package kind

import (
	"cmp"
	"errors"

	"rackhand/provision/catalog"
)

func timerKind() Kind {
	length := func(text string, example string) Field {
		return Field{Spec: Spec{Type: Duration, Low: 1, High: catalog.MaxTimer}, Text: text, Examples: []string{example}}
	}
	return Kind{
		Name: catalog.KindTimer, Text: "A systemd timer with the service that it starts, by its name without a suffix.", Example: "backup",
		Needs: "command: [x], schedule: daily",
		Fields: map[string]Field{
			"ensure":       ensureField(),
			"command":      commandField("what it runs: a list is a program and its arguments, a text is run by sh -ec"),
			"schedule":     {Spec: Spec{Type: Words, Valid: valid(catalog.CheckCalendar)}, Text: "when it runs, as OnCalendar= of systemd.timer(5) takes it; several times in a list", Examples: []string{"daily", `"Mon *-*-* 03:00"`}},
			"every":        length("how long after a start the next one follows", "15m"),
			"boot":         length("how long after a boot it runs", "5m"),
			"random_delay": length("up to this long each start is delayed, at random", "30m"),
			"persistent":   {Spec: Spec{Type: Boolean}, Text: "a run of schedule that was missed while the host was off is made up for", Default: "false", Examples: []string{"true"}},
			"user":         {Text: "the user that it runs as", Default: "root", Examples: []string{"backup"}},
			"environment":  environmentField(),
			"description":  {Text: "what systemctl shows for it", Examples: []string{"Nightly backup"}},
		},
		CheckTitle: func(title string) error {
			return checked(catalog.Resource{Timer: &catalog.Timer{Name: title, Ensure: catalog.Absent}})
		},
		Shape: timerShape,
		Make: func(title string, v Values) catalog.Resource {
			return catalog.Resource{Timer: &catalog.Timer{
				Name: title, Ensure: cmp.Or(v.Text("ensure"), catalog.Present), Description: v.Text("description"), Command: v.Command("command"),
				Schedule: v.List("schedule"), Every: seconds(v.Duration("every")), Boot: seconds(v.Duration("boot")),
				RandomDelay: seconds(v.Duration("random_delay")), Persistent: isTrue(v.Bool("persistent")), User: v.Text("user"), Environment: v.List("environment"),
			}}
		},
	}
}

func timerShape(w Written) (hint string, err error) {
	absent, known := isAbsent(w)
	switch {
	case known && absent:
		return "", nil
	case !w.Has("command"):
		return "add command", errors.New("which command?")
	case !w.Has("schedule") && !w.Has("every") && !w.Has("boot"):
		return "add schedule: daily, every: 15m or boot: 5m", errors.New("it never starts")
	case w.Has("persistent") && !w.Has("schedule"):
		return "remove it", errors.New("persistent goes with schedule: systemd makes up for no other times")
	}
	return "", nil
}
