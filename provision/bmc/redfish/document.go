package redfish

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"rackhand/config/visible"
)

// The bounds of texts that a BMC sends, in bytes.
const (
	shortText = 200
	longText  = 1000
	maxPath   = 1024
)

var errNoObject = errors.New("it isn't a JSON object")

// decode reads the wanted fields of a JSON object. A field of another type than expected stays
// empty and costs no other field: BMCs send arrays for objects, "N/A" for numbers and so on.
func decode(body []byte, into any) error {
	body = bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\ufeff")), " \t\r\n")
	if len(body) == 0 || body[0] != '{' {
		return errNoObject
	}
	err := json.Unmarshal(body, into)
	if errors.As(err, new(*json.UnmarshalTypeError)) {
		return nil
	}
	return err
}

// A number is a JSON number that may be missing; one that is written as a text is read too.
type number struct {
	value float64
	known bool
}

// UnmarshalJSON never fails.
func (n *number) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(b), `" `), 64)
	n.value, n.known = v, err == nil && !math.IsNaN(v) && !math.IsInf(v, 0)
	return nil
}

// A link is the path of a resource on the BMC; "" for none, or one that leads elsewhere.
type link string

// UnmarshalJSON reads {"@odata.id": PATH} or PATH, and never fails.
func (l *link) UnmarshalJSON(b []byte) error {
	var o struct {
		ID json.RawMessage `json:"@odata.id"`
	}
	var path string
	if json.Unmarshal(b, &o) == nil && len(o.ID) > 0 {
		b = o.ID
	}
	_ = json.Unmarshal(b, &path)
	*l = link(localPath(path))
	return nil
}

// localPath is a path without its fragment, or "" for anything but a path of the same BMC.
func localPath(path string) string {
	path, _, _ = strings.Cut(path, "#")
	u, err := url.Parse(path)
	if err != nil || len(path) > maxPath || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || u.Host != "" || u.Scheme != "" || strings.ContainsAny(path, " \\") {
		return ""
	}
	return path
}

// last is the last segment of a path: a member's id.
func last(path string) string {
	path = strings.TrimRight(path, "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// clean makes a BMC's text fit for people: one line, visible, bounded, and "" for what stands
// for nothing.
func clean(s string, most int) string {
	if len(s) > 4*most {
		s = s[:4*most]
	}
	s = strings.Join(strings.Fields(visible.Text(s)), " ")
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "..."
	}
	return s
}

// value is clean of a field of an inventory: fillers are "".
func value(s string) string {
	s = clean(s, shortText)
	switch strings.ToLower(s) {
	case "n/a", "na", "none", "null", "unknown", "not specified", "not available", "default string", "to be filled by o.e.m.":
		return ""
	}
	if strings.Trim(s, ".-0 ") == "" {
		return ""
	}
	return s
}
