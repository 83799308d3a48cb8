package role

import "rackhand/config/schema"

// checkDocs are the texts of the keys of checks.
func checkDocs() schema.Docs {
	all := schema.Docs{
		"checks.http":    {Text: "An HTTP or HTTPS request. Redirects are not followed.", Examples: []string{"{port: 80, path: /, status: 200}", "{tls: true, certificate_days: 14}"}},
		"checks.tcp":     {Text: "A TCP connection.", Required: []string{"port"}, Examples: []string{"{port: 5432}"}},
		"checks.exec":    {Text: "A program that the agent runs on the host.", Required: []string{"command"}, Examples: []string{"{command: [pg_isready, -q], user: postgres}"}},
		"checks.systemd": {Text: "The number of failed systemd units, counted by the agent on the host.", Required: []string{"failed"}, Examples: []string{"{failed: 0}"}},

		"checks.from":     {Text: "Where the check runs: on the appliance, until the host serves, or on the host, in each run of its agent. Checks of exec and systemd always run on the host.", Default: "appliance", Examples: []string{"host"}},
		"checks.within":   {Text: "How long the check may take to pass, 1s to 1h.", Default: "1m", Examples: []string{"60s"}},
		"checks.deadline": {Text: "The time that one try may take, 1s to 10m. Without it: 5s for http and tcp, 30s for exec and systemd.", Examples: []string{"10s"}},

		"checks.http.path":    {Text: "The path.", Default: "/", Examples: []string{"/health"}},
		"checks.http.method":  {Text: "GET or HEAD.", Default: "GET", Examples: []string{"HEAD"}},
		"checks.http.status":  {Text: "The status of the answer, 100 to 599, or a list of those that are right.", Default: "200", Examples: []string{"204", "[200, 301]"}},
		"checks.http.headers": {Text: "Further headers of the request. Those that carry a secret are refused.", Examples: []string{`["Accept: application/json"]`}},

		"checks.tcp.send":   {Text: "A text to send first.", Examples: []string{"PING"}},
		"checks.tcp.expect": {Text: "A text that must come within the deadline, among the first 64 KiB.", Examples: []string{`"SSH-2.0"`}},

		"checks.exec.command": {Text: "The program and its arguments. No shell reads them.", Examples: []string{"[pg_isready, -q]"}},
		"checks.exec.exit":    {Text: "The exit status that is right.", Default: "0", Examples: []string{"1"}},
		"checks.exec.user":    {Text: "The user who runs it. Without it: root.", Examples: []string{"postgres"}},

		"checks.systemd.failed": {Text: "How many units may have failed.", Examples: []string{"0"}},
		"checks.systemd.except": {Text: "Units that don't count. Patterns may stand here, too.", Examples: []string{`[logrotate.service, "user@*.service"]`}},
	}
	for prefix, what := range map[string]string{"checks.http.": "the answer", "checks.exec.": "the output, of stdout and stderr,"} {
		all[prefix+"contains"] = schema.Doc{Text: "A text that " + what + " must contain.", Examples: []string{`"served by ${host.name}"`}}
		all[prefix+"matches"] = schema.Doc{Text: "A regular expression (RE2, at most 1 KiB) that " + what + " must match.", Examples: []string{`"version [0-9]+"`}}
	}
	for prefix, otherwise := range map[string]string{"checks.http.": " Without it: 80, with TLS 443.", "checks.tcp.": ""} {
		all[prefix+"port"] = schema.Doc{Text: "The TCP port." + otherwise, Examples: []string{"8080"}}
		all[prefix+"address"] = schema.Doc{Text: "Of a check from the host: the IP address to connect to.", Default: "127.0.0.1", Examples: []string{`"${host.address}"`}}
		all[prefix+"tls"] = schema.Doc{Text: "Use TLS: https instead of http.", Default: "false", Examples: []string{"true"}}
		all[prefix+"host"] = schema.Doc{Text: "The name of the server: in SNI, in the certificate and in the header Host. With TLS the default is the host's name, otherwise address and port.", Examples: []string{"www.example.com"}}
		all[prefix+"ca"] = schema.Doc{Text: "A file of templates/ with the certificates (PEM) of the CA to trust. Without it: those that the checking system trusts.", Examples: []string{"ca.pem"}}
		all[prefix+"verify"] = schema.Doc{Text: "Whether the certificate must be of a trusted CA and for the name. With false, any certificate is accepted; certificate_days still counts.", Default: "true", Examples: []string{"false"}}
		all[prefix+"certificate_days"] = schema.Doc{Text: "How many days the certificate must still be valid, 1 to 3650.", Examples: []string{"14"}}
	}
	return all
}
