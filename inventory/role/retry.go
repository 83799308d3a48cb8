package role

import (
	"rackhand/config/schema"
	"rackhand/inventory/role/kind"
	"rackhand/provision/catalog"
)

// retryPrefix comes before the fields of retry among those of a declaration.
const retryPrefix = "retry."

// retryFields are the specs of retry.
func retryFields() map[string]spec {
	return map[string]spec{
		"tries": {Type: kind.Number, Low: 1, High: catalog.MaxTries},
		"wait":  {Type: kind.Duration, High: catalog.MaxRetryWait},
	}
}

// readRetry reads retry of a resource into the fields and specs of the declaration.
func (r *role) readRetry(n schema.Node, d *declaration) {
	n.Each("resource", func(name string, _, node schema.Node) {
		if name != "retry" {
			return
		}
		if !node.IsMapping() {
			node.Problem("write retry: {tries: 3, wait: 10s}", "retry must be a mapping")
			return
		}
		fields, specs := map[string]value{}, d.loop.allow(retryFields())
		r.fields(node, "retry", specs, fields, nil)
		d.retries = true
		for name, v := range fields {
			d.fields[retryPrefix+name], d.specs[retryPrefix+name] = v, specs[name]
		}
	})
}

// usualTries is how often work is tried where retry says no number.
const usualTries = 3

// retry is that of a declaration; nil without it.
func (r *resolver) retry(d *declaration) *catalog.Retry {
	if !d.retries {
		return nil
	}
	return &catalog.Retry{Tries: r.number(retryPrefix+"tries", usualTries), Wait: seconds(r.duration(retryPrefix+"wait", 0))}
}
