package kind

import "rackhand/provision/catalog"

func serviceKind() Kind {
	return Kind{
		Name: catalog.KindService, Text: "A systemd unit, by its name.", Example: "nginx",
		Fields: map[string]Field{
			"running": {Spec: Spec{Type: Boolean}, Text: "whether it runs", Examples: []string{"true"}},
			"enabled": {Spec: Spec{Type: Boolean}, Text: "whether it starts at boot", Examples: []string{"true"}},
			"refresh": {Spec: Spec{Type: OneOf, Known: []string{catalog.Restart, catalog.Reload}}, Text: "what a notification does, restart or reload", Default: catalog.Restart, Examples: []string{catalog.Reload}},
			"settle":  {Spec: Spec{Type: Duration, Low: 1, High: catalog.MaxSettle}, Text: "how long it must be healthy after a start, 1s to 10m", Default: "5s", Examples: []string{"20s"}},
		},
		Make: func(title string, v Values) catalog.Resource {
			return catalog.Resource{Service: &catalog.Service{
				Name: title, Running: v.Bool("running"), Enabled: v.Bool("enabled"), Refresh: v.Text("refresh"), Settle: seconds(v.Duration("settle")),
			}}
		},
	}
}
