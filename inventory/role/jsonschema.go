package role

import (
	"maps"
	"slices"
	"strings"

	"rackhand/config/schema"
	"rackhand/inventory/role/kind"
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
	specs, _ := resourceFields()
	resource := shapeOf(specs)
	resource["retry"] = &schema.Shape{Fields: shapeOf(retryFields())}
	check := shapeOf(checkSpecs())
	for _, k := range checkKinds() {
		check[k.name] = &schema.Shape{Fields: shapeOf(k.fields)}
	}
	for _, fields := range []map[string]*schema.Shape{resource, check} {
		fields["each"], fields["as"], fields["when"] = &schema.Shape{Any: true}, &schema.Shape{Text: true}, &schema.Shape{Text: true}
	}
	declaration := func() map[string]*schema.Shape {
		return map[string]*schema.Shape{
			"type": {Text: true}, "default": {Any: true}, "required": {Bool: true}, "values": {List: &schema.Shape{Text: true}}, "description": {Text: true},
		}
	}
	parameter, field := declaration(), declaration()
	field["fields"] = &schema.Shape{Any: true} // of a record in a record
	parameter["merge"] = &schema.Shape{OneOf: []string{mergeReplace, mergeUnique, mergeDeep}}
	parameter["fields"] = &schema.Shape{Each: &schema.Shape{Fields: field}}
	return &schema.Shape{Fields: map[string]*schema.Shape{
		"include": {List: &schema.Shape{Text: true, Fields: map[string]*schema.Shape{
			"role": {Text: true}, "with": {Each: &schema.Shape{Any: true}}, "when": {Text: true},
		}}},
		"parameters": {Each: &schema.Shape{Fields: parameter}},
		"resources":  {List: &schema.Shape{Fields: resource}},
		"checks":     {List: &schema.Shape{Fields: check}},
	}}
}

// resourceFields are the fields of all kinds of resources, titles among them, with the kinds
// that have each.
func resourceFields() (specs map[string]spec, docs map[string]schema.Doc) {
	specs, docs = map[string]spec{}, map[string]schema.Doc{}
	for name, f := range kind.Common() {
		specs[name] = f.Spec
		docs[name] = schema.Doc{Text: f.Text, Default: f.Default, Examples: f.Examples, Pattern: f.Pattern()}
	}
	for _, k := range kind.All() {
		for _, name := range slices.Sorted(maps.Keys(k.Fields)) {
			f := k.Fields[name]
			text := f.Text
			if f.Default != "" {
				text += " (default " + f.Default + ")"
			}
			doc, twice := docs[name]
			if !twice {
				specs[name] = f.Spec
				docs[name] = schema.Doc{Text: "Of " + article(k.Name) + ": " + text + ".", Default: f.Default, Examples: f.Examples, Pattern: f.Pattern()}
				continue
			}
			if f.List() { // which takes a text, too
				specs[name] = f.Spec
			}
			if before, ok := strings.CutSuffix(doc.Text, ": "+text+"."); ok {
				doc.Text = before + ", " + article(k.Name) + ": " + text + "." // kinds that share a text
			} else {
				doc.Text += " Of " + article(k.Name) + ": " + text + "."
			}
			doc.Pattern, doc.Default = same(doc.Pattern, f.Pattern()), same(doc.Default, f.Default)
			docs[name] = doc
		}
	}
	for _, k := range kind.All() {
		doc, twice := docs[k.Name]
		if !twice {
			specs[k.Name] = titleSpec(k)
		}
		docs[k.Name] = schema.Doc{Text: strings.TrimSpace(k.Text + " " + doc.Text), Examples: append([]string{k.Example}, doc.Examples...)}
	}
	return specs, docs
}

// article is a kind's name in a sentence.
func article(name string) string {
	if strings.ContainsRune("aeiou", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}

// same is a text that two fields share; "" if they differ.
func same(a, b string) string {
	if a == b {
		return a
	}
	return ""
}

func shapeOf(specs map[string]spec) map[string]*schema.Shape {
	fields := map[string]*schema.Shape{}
	for name, s := range specs {
		fields[name] = &schema.Shape{Text: true}
		if s.List() {
			fields[name] = &schema.Shape{List: &schema.Shape{Text: true}}
		}
	}
	return fields
}

func whenExamples() []string {
	return []string{`facts.os.id == "debian"`, `host.group == "web" and len(hosts("role=db")) > 0`}
}

// typePattern is the form of a type.
func typePattern() string {
	return `^((list|map)\(){0,3}(` + strings.Join(append(scalarTypes(), recordType, hostType), "|") + `)\){0,3}$`
}

// docs are the texts of the keys, as an editor shows them.
func docs() schema.Docs {
	all := schema.Docs{
		"":             {Text: "What a host of this role runs, and the checks that prove it."},
		"parameters":   {Text: "Typed inputs of the role. A host's variable of the same name gives the value; ${param.NAME} stands for it.", Names: paramName.String()},
		"parameters.*": {Text: "A parameter. Without a default it needs a value."},
		"parameters.*.type": {
			Text: "string, int, bool, port, path, duration, bytes, record (with fields), host (another host), list(TYPE) or map(TYPE).", Default: "string", Examples: []string{"port", "list(path)", "map(int)"},
			Pattern: typePattern(),
		},
		"parameters.*.fields":               {Text: "The fields of a record. Each is declared as a parameter is.", Names: paramName.String(), Examples: []string{"{server_name: {type: string}, port: {type: port, default: 80}}"}},
		"parameters.*.fields.*":             {Text: "A field. Without a default each record needs it."},
		"parameters.*.fields.*.type":        {Text: "Its type, as of a parameter.", Default: "string", Examples: []string{"port", "list(string)"}, Pattern: typePattern()},
		"parameters.*.fields.*.default":     {Text: "The value in records that have none. It takes no ${...}.", Examples: []string{"www"}},
		"parameters.*.fields.*.required":    {Text: "Says that each record needs it, as every field without a default is needed.", Examples: []string{"true"}},
		"parameters.*.fields.*.values":      {Text: "The only values that fit.", Examples: []string{"[small, large]"}},
		"parameters.*.fields.*.description": {Text: "What the field is for.", Examples: []string{"The port of the site"}},
		"parameters.*.fields.*.fields":      {Text: "The fields of a record in the record; at most four records lie in each other.", Examples: []string{"{rate: {type: int}}"}},
		"parameters.*.default":              {Text: "The value for hosts that have none. ${host.name} and the like may stand in it.", Examples: []string{"www", `"${host.name}"`}},
		"parameters.*.required":             {Text: "Says that a host needs a value, as every parameter without a default does.", Examples: []string{"true"}},
		"parameters.*.values":               {Text: "The only values that fit; of a list or a map, the only ones in it.", Examples: []string{"[small, large]"}},
		"parameters.*.merge":                {Text: "How values of several layers go together: replace takes the strongest layer's, unique the items of all lists, deep the entries of all maps.", Default: mergeReplace, Examples: []string{mergeReplace}},
		"parameters.*.description":          {Text: "What the parameter is for.", Examples: []string{"The name of the site"}},

		"include": {
			Text:    "Roles that come before this one. Each entry is a name, or a mapping with values of parameters.",
			Pattern: roleName.String(), Required: []string{"role"}, Examples: []string{"[base, {role: site, with: {site_name: shop}}]"},
		},
		"include.role":   {Text: "The name of the role.", Pattern: roleName.String(), Examples: []string{"site"}},
		"include.with":   {Text: "Values of its parameters. They stand above the host's variables.", Examples: []string{"{site_name: shop}"}},
		"include.when":   {Text: "A condition: the role is included if it is true. It may name facts, host, param and hosts(...).", Examples: whenExamples()},
		"include.with.*": {Text: "A value of its type. ${...} may stand in it.", Examples: []string{"shop", `"${param.name}"`, "[a, b]"}},

		"resources": {Text: "What shall hold on the host, in the order of work. Each entry is of one kind: " + kind.Listed() + "."},
		"checks":    {Text: "Checks, by the appliance from outside and by the agent on the host. The host serves when all of them pass. Each entry has one of http, tcp, exec and systemd."},

		"resources.each": {Text: "A list or a mapping; the resource is made once for each of its items, at most 2,000. ${each.key} and ${each.value} stand for an item.", Examples: []string{"[a, b]", "{a: {port: 80}}", `"${var.sites}"`}},
		"resources.as":   {Text: "Another name for an item: ${site.key} and ${site.value}.", Default: loopName, Examples: []string{"site"}, Pattern: paramName.String()},

		"resources.retry":       {Text: "Repeats work that fails, within its deadline.", Examples: []string{"{tries: 3, wait: 10s}"}},
		"resources.retry.tries": {Text: "How often it is tried altogether, 1 to 10.", Default: "3", Examples: []string{"3"}},
		"resources.retry.wait":  {Text: "The time between two tries, up to 5m.", Default: "0s", Examples: []string{"10s"}},
		"resources.when":        {Text: "A condition: the resource is declared if it is true. It may name facts, host, param, hosts(...) and the item of each.", Examples: whenExamples()},
		"checks.each":           {Text: "A list or a mapping; the check is made once for each of its items.", Examples: []string{"[80, 443]", `"${var.sites}"`}},
		"checks.as":             {Text: "Another name for an item of each.", Default: loopName, Examples: []string{"site"}, Pattern: paramName.String()},
		"checks.when":           {Text: "A condition: the check counts if it is true.", Examples: whenExamples()},
	}
	maps.Copy(all, checkDocs())
	_, resources := resourceFields()
	for name, doc := range resources {
		all["resources."+name] = doc
	}
	of := map[string]map[string]spec{"checks.": checkSpecs(), "resources.retry.": retryFields()}
	for _, k := range checkKinds() {
		of["checks."+k.name+"."] = k.fields
	}
	for prefix, specs := range of {
		for _, name := range slices.Sorted(maps.Keys(specs)) {
			if doc, ok := all[prefix+name]; ok {
				doc.Pattern = specs[name].Pattern()
				all[prefix+name] = doc
			}
		}
	}
	return all
}
