package kind

import "rackhand/provision/catalog"

func serviceKind() Kind {
	return Kind{
		Name: catalog.KindService, Text: "A systemd unit, by its name.", Example: "nginx",
		Fields: map[string]Field{
			"running": {Spec: Spec{Type: Boolean}, Text: "whether it runs", Examples: []string{"true"}},
			"enabled": {Spec: Spec{Type: Boolean}, Text: "whether it starts at boot", Examples: []string{"true"}},
			"refresh": {Spec: Spec{Type: OneOf, Known: []string{catalog.Restart, catalog.Reload}}, Text: "what a notification does, restart or reload", Default: catalog.Restart, Examples: []string{catalog.Reload}},
			"masked":  {Spec: Spec{Type: Boolean}, Text: "whether it is masked, so that nothing can start it", Examples: []string{"true"}},
			"drop_in": {Spec: Spec{Empty: true}, Text: "settings that are added to its unit file, in UNIT.d/rackhand.conf; an empty text removes them", Examples: []string{`"[Service]\nLimitNOFILE=65536\n"`}},
			"settle":  {Spec: Spec{Type: Duration, Low: 1, High: catalog.MaxSettle}, Text: "how long it must be healthy after a start, 1s to 10m", Default: "5s", Examples: []string{"20s"}},
		},
		Make: func(title string, v Values) catalog.Resource {
			s := &catalog.Service{
				Name: title, Running: v.Bool("running"), Enabled: v.Bool("enabled"), Refresh: v.Text("refresh"), Settle: seconds(v.Duration("settle")),
				Masked: v.Bool("masked"),
			}
			if v.Has("drop_in") {
				text := v.Text("drop_in")
				s.DropIn = &text
			}
			return catalog.Resource{Service: s}
		},
	}
}
