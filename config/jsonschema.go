package config

import (
	"strconv"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// JSONSchema is the JSON Schema (draft 7) of the configuration, for editors:
// completion, hover and checks. Keys, types and bounds come from the reader
// itself; an error is a key without a text, which a test finds.
func JSONSchema() ([]byte, error) {
	return schema.JSON("rackhand configuration", shape(), docs())
}

// shape is the shape of the configuration's file.
func shape() *schema.Shape {
	return schema.ShapeOf(func(root schema.Node) {
		r := reader{config: Default(), list: &problem.List{}}
		root.Fields("configuration", r.fields())
	})
}

// docs are the texts of the keys, as an editor shows them.
func docs() schema.Docs {
	d := Default()
	port := func(p uint16) string { return strconv.Itoa(int(p)) }
	return schema.Docs{
		"":                   {Text: "The appliance's settings. Relative paths begin at this file's folder.", Required: []string{"interfaces"}},
		"state":              {Text: "Folder of the database, the CA, root images and caches.", Default: d.State, Examples: []string{"/srv/rackhand"}},
		"inventory":          {Text: "Folder of the inventory: *.yaml, roles/ and templates/. Reloaded on change.", Default: d.Inventory, Examples: []string{"inventory"}},
		"secrets":            {Text: "Folder of secrets: the secret bmc/web1 is the first line of the file bmc/web1.", Default: d.Secrets, Examples: []string{"secrets"}},
		"age":                {Text: "Secrets in one encrypted file. It is read for secrets that the folder and the environment lack.", Required: []string{"file", "identity"}, Examples: []string{"{file: secrets.age, identity: identity.txt}"}},
		"age.file":           {Text: "A YAML mapping of names to secrets, encrypted with age."},
		"age.identity":       {Text: "The file that decrypts it, as age-keygen writes it, mode 600."},
		"socket":             {Text: "Unix socket of the rackhand command. A process that may open it may do everything.", Default: d.Socket, Examples: []string{"/run/rackhand.sock"}},
		"socket_group":       {Text: "Group whose members may open the socket too, without root. They can do everything that root can, on every host. Default: none.", Pattern: `^[A-Za-z_][A-Za-z0-9_.-]{0,31}$`, Examples: []string{"rackhand"}},
		"interfaces":         {Text: "The links on which boxes boot. rackhand answers DHCP and router solicitations only there.", NotEmpty: true, Examples: []string{"[eth1]", "eth1"}},
		"address":            {Text: "Where boxes reach the appliance. Without it, the first IPv4 address of the first interface.", Pattern: `^[0-9]{1,3}(\.[0-9]{1,3}){3}$`, Examples: []string{"10.77.0.1"}},
		"http":               {Text: "TCP port of boot scripts, answer files, images and the mirror.", Default: port(d.HTTP), Examples: []string{"8081"}},
		"tftp":               {Text: "UDP port of TFTP. Firmware knows no other than 69.", Default: port(d.TFTP), Examples: []string{"6969"}},
		"agents":             {Text: "TCP port for agents, mutual TLS.", Default: port(d.Agents), Examples: []string{"9443"}},
		"page":               {Text: "The status page."},
		"page.listen":        {Text: `Where the page listens: host:port, unix:/path, or "" for none. It shows the whole rack to every client that can connect.`, Default: d.Page.Listen, Examples: []string{"0.0.0.0:8080", "unix:/run/page.sock", `""`}},
		"page.names":         {Text: "Host names under which browsers may open the page, without a port. Its addresses, localhost and this machine's host name need no entry; a request that names another is refused.", Examples: []string{"[rack.example.org]"}},
		"page.operators":     {Text: "Networks of operators: a share of the page's connections is kept for them. This machine itself needs no entry.", Examples: []string{"[192.0.2.0/24]"}},
		"metrics":            {Text: "What Prometheus reads. The page's listener has /metrics too, if it is on loopback or a unix socket."},
		"metrics.listen":     {Text: "Where else /metrics is: host:port or unix:/path. Without a login. Default: nowhere else.", Examples: []string{"192.0.2.1:9150", "unix:/run/rackhand/metrics.sock"}},
		"munin":              {Text: "The appliance as a node of Munin: it speaks munin-node's protocol."},
		"munin.listen":       {Text: "Where it listens: host:port. Munin's port is 4949. Default: nowhere.", Examples: []string{"192.0.2.1:4949"}},
		"munin.allow":        {Text: "Networks or addresses of Munin masters. Default: this machine alone.", Examples: []string{"[192.0.2.7]", "[192.0.2.0/24]"}},
		"events":             {Text: "Where the journal's events go too, for programs that collect logs."},
		"events.file":        {Text: "A file with an event a line, as JSON. When it is renamed, a new one is begun. Default: none.", Examples: []string{"/var/log/rackhand/events.json"}},
		"events.syslog":      {Text: "A syslog server (RFC 5424): udp:HOST:PORT, tcp:HOST:PORT, or the path of a unix socket. Default: none.", Examples: []string{"udp:192.0.2.9:514", "tcp:192.0.2.9:601", "/dev/log"}},
		"mirror":             {Text: "A cache between the boxes and package mirrors."},
		"mirror.upstreams":   {Text: "What boxes see as /mirror/NAME/ and where it comes from.", Names: mirrorName.String()},
		"mirror.upstreams.*": {Text: "The mirror's URL, without user and password.", Pattern: `^https?://[^@?#]+$`, Examples: []string{"http://mirror.example/debian"}},
		"mirror.via":         {Text: "HTTP proxy in front of the upstreams: http://host:port or unix:/path.", Pattern: `^(http://|unix:/)`, Examples: []string{"http://cache.example:3128", "unix:/run/proxy.sock"}},
		"mirror.size":        {Text: "The most that the cache keeps. The least recently used files go first.", Default: "50GiB", Pattern: sizeForm.String(), Examples: []string{"200GiB", "1TiB"}},
		"mirror.redirects":   {Text: "Hosts to which an upstream may redirect the cache (HOST or HOST:PORT), in addition to its own host and public ones.", Examples: []string{"[files.example.org, 10.0.0.7:8080]", "cdn.example"}},
		"mirror.offline":     {Text: "Never ask the upstreams: serve only files that were fetched before.", Default: "false", Examples: []string{"true"}},
		"bootfiles":          {Text: "Folders with boot programs of your own. They come before those of the distribution's packages.", Examples: []string{"[/etc/rackhand/bootfiles]", "boot"}},
		"install":            {Text: "Settings for every install."},
		"install.attempts":   {Text: "How often one install may give the box its installer.", Default: strconv.Itoa(d.Install.Attempts), Examples: []string{"1"}},
		"install.expires":    {Text: "How long a host stays armed.", Default: schema.Plain(d.Install.Expires), Examples: []string{"90m"}},
		"limits":             {Text: "What one host may send. More is refused, and an event says so."},
		"limits.report":      {Text: "The largest report of an agent.", Default: plainBytes(d.Limits.Report), Pattern: bytesForm.String(), Examples: []string{"512KiB", "4MiB"}},
		"limits.reports":     {Text: "Reports of one host within an hour. Progress, enrolments and the reports of jobs have the same limit each.", Default: strconv.Itoa(d.Limits.Reports), Examples: []string{"120"}},
		"limits.events":      {Text: "Events of one host's installer within an hour.", Default: strconv.Itoa(d.Limits.Events), Examples: []string{"6000"}},
		"agent":              {Text: "The agents that run on hosts: which version they are offered, and for how long they may renew their certificates."},
		"agent.version":      {Text: "The version that hosts are to run, of those that this appliance had: the folder agents/ in state. Without it, the appliance's own.", Pattern: agentVersion.String(), Examples: []string{"v1.4.0"}},
		"agent.canary":       {Text: "Only hosts of this group are offered a new agent; the others stay as they are. Without it, all hosts are.", Pattern: groupName.String(), Examples: []string{"web-canary"}},
		"agent.grace":        {Text: "For how many days after its end a host can still renew its certificate, as the appliance counts them. 0: never.", Default: strconv.Itoa(d.Agent.Grace), Examples: []string{"0", "365"}},
		"bmc":                {Text: "How often the BMCs of hosts are asked. A BMC that doesn't answer is asked less often, and at most every five minutes."},
		"bmc.poll":           {Text: "For the power state, 10s to 1h; off: never, and for sensors neither.", Default: schema.Plain(d.BMC.Poll), Pattern: everyForm.String(), Examples: []string{"30s", off}},
		"bmc.sensors":        {Text: "For sensors, event log and boot override, 1m to 24h; off: never.", Default: schema.Plain(d.BMC.Sensors), Pattern: everyForm.String(), Examples: []string{"15m", off}},
		"bmc.console":        {Text: "The serial consoles that are recorded without an operator attached: of hosts with an install or job under way, always, or never. A MiB of each is kept.", Default: d.BMC.Console, Examples: []string{RecordAlways, RecordNever}},
		"keep":               {Text: "Bounds of the journal. The events of an install under way, and of the last one of each host, always stay."},
		"keep.days":          {Text: "The age at which events are removed, in days that the appliance has run.", Default: strconv.Itoa(d.Keep.Days), Examples: []string{"365"}},
		"keep.events":        {Text: "Events of one host, and of all boxes outside the inventory together.", Default: strconv.Itoa(d.Keep.Events), Examples: []string{"2000"}},
		"keep.size":          {Text: "The size of the database. When it is larger, the hosts with the most events lose their oldest ones first.", Default: plainBytes(d.Keep.Size), Pattern: bytesForm.String(), Examples: []string{"1GiB"}},
		"keep.reports":       {Text: "Reports of an agent that are kept of each host.", Default: strconv.Itoa(d.Keep.Reports), Examples: []string{"500"}},
		"keep.report_days":   {Text: "The age at which reports are removed, in days that the appliance has run. The latest report of a host stays.", Default: strconv.Itoa(d.Keep.ReportDays), Examples: []string{"90"}},
	}
}
