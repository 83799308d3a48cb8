package role

import (
	"maps"
	"slices"
	"strings"

	"rackhand/config/schema"
)

// JSONSchema is the JSON Schema (draft 7) of a role's file, for editors and for the
// reference. Keys and their types come from the reader's own specs. An error is a key
// without a text, which a test finds. All kinds of resources share one list of keys:
// the reader alone knows which key goes with which kind.
func JSONSchema() ([]byte, error) {
	return schema.JSON("rackhand role", shape(), docs())
}

// shape is what a role's file may hold. A scalar is always a text, since ${...} may
// stand in it.
func shape() *schema.Shape {
	resource := shapeOf(resourceSpecs())
	resource["each"], resource["as"] = &schema.Shape{Any: true}, &schema.Shape{Text: true}
	check := shapeOf(checkSpecs())
	for _, k := range checkKinds() {
		check[k.name] = &schema.Shape{Fields: shapeOf(k.fields)}
	}
	parameter := map[string]*schema.Shape{
		"type": {Text: true}, "default": {Any: true}, "required": {Bool: true}, "values": {List: &schema.Shape{Text: true}},
		"merge": {OneOf: []string{mergeReplace, mergeUnique, mergeDeep}}, "description": {Text: true},
	}
	return &schema.Shape{Fields: map[string]*schema.Shape{
		"include": {List: &schema.Shape{Text: true, Fields: map[string]*schema.Shape{
			"role": {Text: true}, "with": {Each: &schema.Shape{Any: true}},
		}}},
		"parameters": {Each: &schema.Shape{Fields: parameter}},
		"resources":  {List: &schema.Shape{Fields: resource}},
		"checks":     {List: &schema.Shape{Fields: check}},
	}}
}

// resourceSpecs are the fields of all kinds of resources, titles among them.
func resourceSpecs() map[string]spec {
	all := map[string]spec{}
	for _, kind := range kinds() {
		all[kind] = spec{typ: title, known: []string{kind}}
		maps.Copy(all, fieldsOf(kind))
	}
	return all
}

func shapeOf(specs map[string]spec) map[string]*schema.Shape {
	fields := map[string]*schema.Shape{}
	for name, s := range specs {
		fields[name] = &schema.Shape{Text: true}
		if s.list() {
			fields[name] = &schema.Shape{List: &schema.Shape{Text: true}}
		}
	}
	return fields
}

// pattern is what an editor checks of a field: a text without ${...} is of its type.
func (s spec) pattern() string {
	form := s.form
	switch s.typ {
	case boolean:
		form = "true|false|yes|no"
	case number:
		form = "[0-9]+"
	case mode:
		form = "[0-7]+"
	case oneOf:
		form = strings.Join(s.known, "|")
	case duration:
		form = `([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+`
	case urlPath:
		form = "/.*"
	case ids:
		form = `(` + strings.Join(kinds(), "|") + `)\[.+\]`
	}
	if form == "" {
		return ""
	}
	return `\$\{|^(` + form + `)$`
}

// docs are the texts of the keys, as an editor shows them.
func docs() schema.Docs {
	all := schema.Docs{
		"":             {Text: "What a host of this role runs, and the checks that prove it."},
		"parameters":   {Text: "Typed inputs of the role. A host's variable of the same name gives the value; ${param.NAME} stands for it.", Names: paramName.String()},
		"parameters.*": {Text: "A parameter. Without a default it needs a value."},
		"parameters.*.type": {
			Text: "string, int, bool, port, path, duration, bytes, list(TYPE) or map(TYPE).", Default: "string", Examples: []string{"port", "list(path)", "map(int)"},
			Pattern: `^((list|map)\(){0,3}(` + strings.Join(scalarTypes(), "|") + `)\){0,3}$`,
		},
		"parameters.*.default":     {Text: "The value for hosts that have none. ${host.name} and the like may stand in it.", Examples: []string{"www", `"${host.name}"`}},
		"parameters.*.required":    {Text: "Says that a host needs a value, as every parameter without a default does.", Examples: []string{"true"}},
		"parameters.*.values":      {Text: "The only values that fit; of a list or a map, the only ones in it.", Examples: []string{"[small, large]"}},
		"parameters.*.merge":       {Text: "How values of several layers go together: replace takes the strongest layer's, unique the items of all lists, deep the entries of all maps.", Default: mergeReplace, Examples: []string{mergeReplace}},
		"parameters.*.description": {Text: "What the parameter is for.", Examples: []string{"The name of the site"}},

		"include": {
			Text:    "Roles that come before this one. Each entry is a name, or a mapping with values of parameters.",
			Pattern: roleName.String(), Required: []string{"role"}, Examples: []string{"[base, {role: site, with: {site_name: shop}}]"},
		},
		"include.role":   {Text: "The name of the role.", Pattern: roleName.String(), Examples: []string{"site"}},
		"include.with":   {Text: "Values of its parameters. They stand above the host's variables.", Examples: []string{"{site_name: shop}"}},
		"include.with.*": {Text: "A value of its type. ${...} may stand in it.", Examples: []string{"shop", `"${param.name}"`, "[a, b]"}},

		"resources": {Text: "What shall hold on the host, in the order of work. Each entry has one of package, file and service."},
		"checks":    {Text: "Checks, by the appliance from outside and by the agent on the host. The host serves when all of them pass. Each entry has one of http, tcp, exec and systemd."},

		"resources.package":  {Text: "A package, by its name.", Examples: []string{"nginx"}},
		"resources.file":     {Text: "A file or folder, by its path.", Examples: []string{"/etc/motd"}},
		"resources.service":  {Text: "A systemd unit, by its name.", Examples: []string{"nginx"}},
		"resources.notify":   {Text: "Services to restart or reload when this resource changed.", Examples: []string{"service[nginx]", `["service[nginx]", "service[cron]"]`}},
		"resources.require":  {Text: "Resources that must hold before this one is tried.", Examples: []string{"package[nginx]"}},
		"resources.deadline": {Text: "The time that the work on it may take, 1s to 24h.", Examples: []string{"30m"}},

		"resources.each": {Text: "A list or a mapping; the resource is made once for each of its items, at most 2,000. ${each.key} and ${each.value} stand for an item.", Examples: []string{"[a, b]", "{a: {port: 80}}", `"${var.sites}"`}},
		"resources.as":   {Text: "Another name for an item: ${site.key} and ${site.value}.", Default: loopName, Examples: []string{"site"}, Pattern: paramName.String()},

		"resources.ensure":          {Text: "Of a package: present (the default), absent, or an exact version. Of a file: file (the default), directory or absent.", Examples: []string{"absent"}},
		"resources.with_dependants": {Text: "Of a package: other packages may be removed or downgraded with this change.", Default: "false", Examples: []string{"true"}},

		"resources.content":   {Text: "Of a file: its text. A secret may stand in it, ${secret.NAME}.", Examples: []string{`"served by ${host.name}"`, `""`}},
		"resources.source":    {Text: "Of a file: a file of templates/, copied as it is.", Examples: []string{"motd"}},
		"resources.template":  {Text: "Of a file: a template of templates/, rendered for the host.", Examples: []string{"index.html"}},
		"resources.mode":      {Text: "Of a file: its mode, three or four octal digits.", Examples: []string{"0644"}},
		"resources.owner":     {Text: "Of a file: the user who owns it.", Examples: []string{"root"}},
		"resources.group":     {Text: "Of a file: its group.", Examples: []string{"root"}},
		"resources.validate":  {Text: "Of a file: a command that must exit 0 before the new content takes its place; %s is the path of the new content.", Examples: []string{"[visudo, -cf, '%s']"}},
		"resources.sensitive": {Text: "Of a file: its content reaches no log, diff or report.", Default: "false", Examples: []string{"true"}},

		"resources.running": {Text: "Of a service: whether it runs.", Examples: []string{"true"}},
		"resources.enabled": {Text: "Of a service: whether it starts at boot.", Examples: []string{"true"}},
		"resources.refresh": {Text: "Of a service: what a notification does, restart or reload.", Default: "restart", Examples: []string{"reload"}},
		"resources.settle":  {Text: "Of a service: how long it must be healthy after a start, 1s to 10m.", Default: "5s", Examples: []string{"20s"}},
	}
	maps.Copy(all, checkDocs())
	of := map[string]map[string]spec{"resources.": resourceSpecs(), "checks.": checkSpecs()}
	for _, k := range checkKinds() {
		of["checks."+k.name+"."] = k.fields
	}
	for prefix, specs := range of {
		for _, name := range slices.Sorted(maps.Keys(specs)) {
			if doc, ok := all[prefix+name]; ok && name != "ensure" {
				doc.Pattern = specs[name].pattern()
				all[prefix+name] = doc
			}
		}
	}
	return all
}
