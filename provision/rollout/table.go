package rollout

import (
	"fmt"
	"io"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/orders"
	"rackhand/provision/terminal"
	"rackhand/provision/web/show"
)

// mostLines bounds what is shown of a host's resources.
const mostLines = 20

// word is the result of a host in a word or two.
func (o Outcome) word() string {
	switch {
	case o.Refused != "":
		return "not ordered"
	case !o.Asked:
		return "not asked"
	case o.State == orders.Waiting:
		return "waiting"
	case o.State == orders.Delivered:
		return "running"
	case o.State == orders.Expired:
		return "no answer"
	case o.Report == nil:
		return "?"
	case o.Report.Disabled != nil:
		return "disabled"
	case o.Report.Noop && o.Report.Status == catalog.Changed:
		return "would change"
	}
	return o.Report.Status
}

// note is why, as far as it isn't plain.
func (o Outcome) note() string {
	switch {
	case o.Refused != "":
		return o.Refused
	case o.replaced:
		return "another order took its place before its outcome was read: `rackhand report " + o.Host + "` shows the latest run"
	case o.State == orders.Expired:
		return "its agent did not ask for the order, or did not report, in time"
	case o.Report == nil:
		return ""
	case o.Report.Error != "":
		return o.Report.Error
	}
	for _, x := range o.Report.Results {
		switch {
		case x.Status == catalog.Failed:
			return x.ID + ": " + x.Message
		case x.Pending != "":
			return x.ID + ": " + x.Pending
		}
	}
	for _, x := range o.Report.FailedChecks() {
		return x.Text()
	}
	if !o.Report.CatalogFetched.IsZero() {
		return "by the catalog kept on the host"
	}
	return ""
}

func (o Outcome) count() map[string]int {
	n := map[string]int{}
	if o.Report != nil {
		for _, x := range o.Report.Results {
			n[x.Status]++
		}
	}
	return n
}

// Lines describe the result of a host that is done. For a dry run they name each resource that
// isn't in order.
func (o Outcome) Lines() []string {
	line := o.Host + ": " + o.word()
	if o.Report != nil && o.Report.Error == "" {
		line += ", in " + provision.Span(o.Report.Finished.Sub(o.Report.Started))
	}
	if note := o.note(); note != "" {
		line += ": " + note
	}
	out := []string{show.OneLine(line, 300)}
	if o.Report == nil || !o.Report.Noop {
		return out
	}
	for _, x := range o.Report.Results {
		if x.Status == catalog.OK {
			continue
		}
		if len(out) > mostLines {
			return append(out, "    ...")
		}
		word := x.Status
		if word == catalog.Changed {
			word = "would change"
		}
		out = append(out, show.OneLine(fmt.Sprintf("    %s %s: %s", word, x.ID, x.Message), 300))
	}
	return out
}

// Table writes all outcomes, a line each.
func (r Result) Table(out io.Writer) error {
	table := &terminal.Table{Head: []string{"HOST", "RESULT", "CHANGED", "FAILED", "HELD", "NOTE"}}
	for _, o := range r.Hosts {
		changed, failed, held := "-", "-", "-"
		if n := o.count(); o.Report != nil && len(o.Report.Results) > 0 {
			changed, failed, held = fmt.Sprint(n[catalog.Changed]), fmt.Sprint(n[catalog.Failed]+n[catalog.Skipped]), fmt.Sprint(n[catalog.OK])
		}
		table.Add(o.Host, o.word(), changed, failed, held, show.OneLine(o.note(), 500))
	}
	return table.Write(out)
}
