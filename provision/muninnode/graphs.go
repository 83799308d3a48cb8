package muninnode

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A graph is what munin calls a plugin: one picture, with a line for each value of a label of
// a metric, or for several metrics.
type graph struct {
	name, title, axis, category string
	stacked                     bool
	parts                       []part
}

// A part is a metric in a graph.
type part struct {
	metric string   // its name
	labels []string // the labels that make lines; without any, the metric is one line
	title  string   // of the line of a metric without labels
	rate   bool     // a counter: munin shows how fast it grows
	// convert changes a value, at now; nil: it stays.
	convert func(value float64, now time.Time) float64
}

// graphs are all of them, in munin's order of names.
func graphs() []graph {
	days := func(v float64, now time.Time) float64 { return (v - float64(now.Unix())) / 86400 }
	thousand := func(v float64, _ time.Time) float64 { return v * 1000 }
	return []graph{
		{"rackhand_agents", "Agents by state", "agents", "rackhand", true, []part{{metric: "agents", labels: []string{"state"}}}},
		{"rackhand_bmcs", "BMCs by state", "BMCs", "rackhand", true, []part{{metric: "bmcs", labels: []string{"state"}}}},
		{"rackhand_certificates", "How long certificates last", "days", "rackhand", false, []part{
			{metric: "ca_expires_timestamp_seconds", title: "CA", convert: days},
			{metric: "agent_certificate_expires_timestamp_seconds", title: "first of an agent", convert: days},
		}},
		{"rackhand_database", "Size of the database", "bytes", "rackhand", false, []part{
			{metric: "database_bytes", title: "file"}, {metric: "database_free_bytes", title: "of it free"},
		}},
		{"rackhand_dhcp", "DHCP packets that came", "packets per ${graph_period}", "network", true, []part{{metric: "dhcp_received_total", labels: []string{"type"}, rate: true}}},
		{"rackhand_events", "Events by level", "events per ${graph_period}", "rackhand", true, []part{{metric: "events_total", labels: []string{"level"}, rate: true}}},
		{"rackhand_hosts", "Hosts by state", "hosts", "rackhand", true, []part{{metric: "hosts", labels: []string{"state"}}}},
		{"rackhand_http", "HTTP requests of boxes and agents", "requests per ${graph_period}", "network", true, []part{{metric: "http_requests_total", labels: []string{"path"}, rate: true}}},
		{"rackhand_http_bytes", "Bytes sent over HTTP", "bytes per ${graph_period}", "network", true, []part{{metric: "http_sent_bytes_total", labels: []string{"path"}, rate: true}}},
		{"rackhand_installs", "Installs under way by stage", "installs", "rackhand", true, []part{{metric: "installs", labels: []string{"stage"}}}},
		{"rackhand_mirror", "What the mirror cache asks of the mirrors", "questions per ${graph_period}", "network", false, []part{
			{metric: "mirror_fetches_total", title: "fetches", rate: true}, {metric: "mirror_failures_total", title: "failures", rate: true},
		}},
		{"rackhand_pool", "Addresses for boxes outside the inventory", "addresses", "network", false, []part{
			{metric: "pool_addresses_used", labels: []string{"network"}, title: "used"}, {metric: "pool_addresses", labels: []string{"network"}, title: "all"},
		}},
		{"rackhand_power", "Hosts by power", "hosts", "rackhand", true, []part{{metric: "powered_hosts", labels: []string{"power"}}}},
		{"rackhand_stuck", "Stuck hosts by cause", "hosts", "rackhand", true, []part{{metric: "stuck_hosts", labels: []string{"rule"}}}},
		{"rackhand_tftp", "TFTP requests", "requests per ${graph_period}", "network", true, []part{{metric: "tftp_requests_total", labels: []string{"result"}, rate: true}}},
		{"rackhand_writes", "Writing of the database", "ms per ${graph_period}", "rackhand", false, []part{
			{metric: "database_write_seconds_total", title: "time", rate: true, convert: thousand},
		}},
	}
}

// A line is one field of a graph.
type line struct {
	field, label string
	rate         bool
	value        float64
}

// lines are a graph's lines, summed over the labels that it doesn't show.
func (g graph) lines(families map[string]*dto.MetricFamily, now time.Time) []line {
	var out []line
	at := map[string]int{}
	for _, p := range g.parts {
		f := families["rackhand_"+p.metric]
		if f == nil {
			continue
		}
		for _, m := range f.GetMetric() {
			var words []string
			for _, l := range m.GetLabel() {
				if slices.Contains(p.labels, l.GetName()) {
					words = append(words, l.GetValue())
				}
			}
			label := strings.Join(words, " ")
			if p.title != "" {
				label = strings.TrimSpace(label + " " + p.title)
			}
			value := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			if p.convert != nil {
				value = p.convert(value, now)
			}
			field := fieldName(label)
			if i, ok := at[field]; ok {
				out[i].value += value
				continue
			}
			at[field] = len(out)
			out = append(out, line{field, label, p.rate, value})
		}
	}
	slices.SortStableFunc(out, func(a, b line) int { return cmp.Compare(a.field, b.field) })
	return out
}

var notOfField = regexp.MustCompile(`[^A-Za-z0-9_]`)

// fieldName is a name that munin takes for a field: letters, digits and _, no digit first.
func fieldName(label string) string {
	name := notOfField.ReplaceAllString(label, "_")
	if name == "" || name[0] >= '0' && name[0] <= '9' || name == "root" { // munin's own word
		name = "_" + name
	}
	return name
}

// config is the answer to `config NAME`, without its end.
func (g graph) config(lines []line) string {
	var b strings.Builder
	fmt.Fprintf(&b, "graph_title %s\ngraph_vlabel %s\ngraph_category %s\ngraph_args --base 1000 -l 0\n", g.title, g.axis, g.category)
	if strings.Contains(g.axis, "graph_period") && !strings.HasPrefix(g.axis, "bytes") && !strings.HasPrefix(g.axis, "ms") {
		b.WriteString("graph_period minute\n")
	}
	for i, l := range lines {
		fmt.Fprintf(&b, "%s.label %s\n", l.field, clean(l.label))
		if l.rate {
			fmt.Fprintf(&b, "%s.type DERIVE\n%[1]s.min 0\n", l.field)
		}
		if g.stacked {
			draw := "STACK"
			if i == 0 {
				draw = "AREA"
			}
			fmt.Fprintf(&b, "%s.draw %s\n", l.field, draw)
		}
	}
	return b.String()
}

// fetch is the answer to `fetch NAME`, without its end. RRDtool's DERIVE takes whole numbers
// only.
func (g graph) fetch(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		if l.rate {
			fmt.Fprintf(&b, "%s.value %d\n", l.field, int64(math.Round(l.value)))
			continue
		}
		fmt.Fprintf(&b, "%s.value %g\n", l.field, l.value)
	}
	return b.String()
}

// clean keeps a label from being taken for another line, or for a comment.
func clean(label string) string {
	label = strings.Map(func(r rune) rune {
		if r < ' ' || r == '#' || r == '\\' || r == 0x7f {
			return ' '
		}
		return r
	}, label)
	return cmp.Or(strings.TrimSpace(label), "all")
}
