package redfishsim

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

func (s *Service) sortedPaths() []string { return slices.Sorted(maps.Keys(s.tree)) }

// patch changes a resource (DSP0266 §7.5).
func (s *Service) patch(who *identity, p, ifMatch string, body map[string]any) answer {
	doc := s.tree[p]
	if doc == nil {
		return notFound(p)
	}
	switch {
	case s.faults[ETagWanted] && ifMatch == "":
		return refuse(http.StatusPreconditionRequired, "PreconditionRequired", "A precondition header or annotation is required to change this resource.")
	case ifMatch != "" && s.faults[ETagRefused], ifMatch != "" && ifMatch != "*" && !sameTag(ifMatch, etag(doc)):
		return refuse(http.StatusPreconditionFailed, "PreconditionFailed", "The ETag supplied did not match the ETag required to change this resource.")
	case s.isAccount(p) || p == who.account:
		return s.patchAccount(who, p, body)
	case s.system(p) != "":
		if !who.may("ConfigureComponents") {
			return insufficient()
		}
		return s.patchSystem(p, body)
	case !who.may("ConfigureManager"):
		return insufficient()
	case strings.Contains(p, "/EthernetInterfaces/"):
		return s.patchNetwork(doc, body)
	case strings.HasPrefix(p, root+"/Chassis/"):
		if a := writable(doc, body, "IndicatorLED", "LocationIndicatorActive", "AssetTag"); a.status != 0 {
			return a
		}
		merge(doc, body)
		return done()
	}
	return refuse(http.StatusMethodNotAllowed, "OperationNotAllowed", "The HTTP method is not allowed on this resource.")
}

// sameTag compares tags, weak ones too: the services that give weak tags also take them.
func sameTag(a, b string) bool { return strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/") }

// writable refuses properties that the resource lacks, or that can't be written, and values
// that aren't among the allowable ones. Password may be written and not read.
func writable(doc, body map[string]any, names ...string) answer {
	if len(body) == 0 {
		return refuse(http.StatusBadRequest, "NoOperation", "The request body submitted contain no data to act upon.")
	}
	for _, name := range slices.Sorted(maps.Keys(body)) {
		_, has := doc[name]
		switch {
		case !has && name != "Password":
			return refuse(http.StatusBadRequest, "PropertyUnknown", "The property %s is not in the list of valid properties for the resource.", name)
		case !slices.Contains(names, name):
			return refuse(http.StatusBadRequest, "PropertyNotWritable", "The property %s is a read only property and cannot be assigned a value.", name)
		}
		value, isWord := body[name].(string)
		if allowed := words(doc[name+"@Redfish.AllowableValues"]); isWord && len(allowed) > 0 && !slices.Contains(allowed, value) {
			return refuse(http.StatusBadRequest, "PropertyValueNotInList", "The value %s for the property %s is not in the list of acceptable values.", value, name)
		}
		if name == "IndicatorLED" && !slices.Contains([]string{"Off", "Lit", "Blinking"}, value) {
			return refuse(http.StatusBadRequest, "PropertyValueNotInList", "The value %s for the property IndicatorLED is not in the list of acceptable values.", value)
		}
		if _, isBool := body[name].(bool); name == "LocationIndicatorActive" && !isBool {
			return refuse(http.StatusBadRequest, "PropertyValueTypeError", "The value for the property LocationIndicatorActive is of a different type than the property can accept.")
		}
	}
	return answer{}
}

// merge writes the values of a body into a document: objects name by name, lists whole.
func merge(doc, body map[string]any) {
	for name, v := range body {
		inner, isObject := v.(map[string]any)
		old, wasObject := doc[name].(map[string]any)
		if isObject && wasObject {
			merge(old, inner)
			continue
		}
		doc[name] = v
	}
}

// patchNetwork writes the BMC's own port. A fixed address shows among its addresses.
func (s *Service) patchNetwork(doc, body map[string]any) answer {
	if a := writable(doc, body, "DHCPv4", "DHCPv6", "IPv4StaticAddresses", "IPv4Addresses", "VLAN", "HostName", "FQDN", "InterfaceEnabled", "NameServers", "StaticNameServers", "MTUSize"); a.status != 0 {
		return a
	}
	merge(doc, body)
	if fixed, ok := body["IPv4StaticAddresses"].([]any); ok && len(fixed) > 0 {
		first, _ := fixed[0].(map[string]any)
		seen := clone(first)
		if seen == nil {
			seen = map[string]any{}
		}
		seen["AddressOrigin"] = "Static"
		doc["IPv4Addresses"] = []any{seen}
	}
	return done()
}

// clearLog empties the entries of a log service.
func (s *Service) clearLog(service string) answer {
	entries := linkOf(s.tree[service]["Entries"])
	if doc := s.tree[entries]; doc != nil {
		doc["Members"], doc["Members@odata.count"] = []any{}, 0
	}
	for p := range s.tree {
		if strings.HasPrefix(p, entries+"/") {
			delete(s.tree, p)
		}
	}
	return done()
}
