package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// The bounds of facts, besides MaxFacts.
const (
	maxFactDepth  = 16
	maxFactValues = 8000 // keys of all objects, and items of all lists
	maxFactName   = 256  // bytes of a key
)

// DecodeFacts reads facts: a JSON object within bounds. A value is a string, a bool, an int or a
// float64, a list ([]any) or an object (map[string]any). Whole numbers are ints, and what is
// null is left out of its object. Of an object's two keys of the same name the second one
// counts, as encoding/json has it.
func DecodeFacts(body []byte) (map[string]any, error) {
	if len(body) > MaxFacts {
		return nil, fmt.Errorf("the facts have %d bytes, at most %d are taken", len(body), MaxFacts)
	}
	if !utf8.Valid(body) {
		return nil, errors.New("the facts are not UTF-8")
	}
	if err := shallowFacts(body); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil || object == nil {
		return nil, errors.New("the facts are not a JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is text behind the facts")
	}
	left := maxFactValues
	value, err := plainFact(object, &left)
	if err != nil {
		return nil, err
	}
	return value.(map[string]any), nil
}

// shallowFacts reports facts that are nested too deeply, before they are read: encoding/json would
// go 10,000 levels deep.
func shallowFacts(body []byte) error {
	depth, quoted, escaped := 0, false, false
	for _, b := range body {
		switch {
		case escaped:
			escaped = false
		case quoted && b == '\\':
			escaped = true
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			if depth++; depth > maxFactDepth {
				return fmt.Errorf("the facts are nested in more than %d levels", maxFactDepth)
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return nil
}

// plainFact checks a value that encoding/json read, and makes numbers of its json.Number.
func plainFact(v any, left *int) (any, error) {
	if *left--; *left < 0 {
		return nil, fmt.Errorf("the facts have more than %d values", maxFactValues)
	}
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			if key == "" || len(key) > maxFactName {
				return nil, fmt.Errorf("a name of %d bytes in the facts: 1 to %d are taken", len(key), maxFactName)
			}
			got, err := plainFact(item, left)
			if err != nil {
				return nil, err
			}
			if v[key] = got; got == nil {
				delete(v, key) // as a fact that isn't known
			}
		}
	case []any:
		for i, item := range v {
			got, err := plainFact(item, left)
			if err != nil {
				return nil, err
			}
			v[i] = got
		}
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n, nil
		}
		f, err := v.Float64()
		if err != nil {
			return nil, fmt.Errorf("a number in the facts is out of range: %.40s", v)
		}
		if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int(f), nil
		}
		return f, nil
	}
	return v, nil
}
