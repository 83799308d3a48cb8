package redfish

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// words are what a BMC says about a request (DSP0266 §8.6, extended information).
type words []word

type word struct {
	ID   string   `json:"MessageId"`
	Text string   `json:"Message"`
	Args []string `json:"MessageArgs"`
}

// UnmarshalJSON takes an array or a single message, and never fails.
func (w *words) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	if json.Unmarshal(b, &parts) != nil {
		parts = []json.RawMessage{b}
	}
	*w = nil
	for _, p := range parts {
		var one word
		if len(*w) < 16 && decode(p, &one) == nil && one.ID+one.Text != "" {
			*w = append(*w, one)
		}
	}
	return nil
}

// said reads the messages of an answer: of an error, or beside a resource.
func (r *reply) said() words {
	var d struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Info    words  `json:"@Message.ExtendedInfo"`
		} `json:"error"`
		Info words `json:"@Message.ExtendedInfo"`
	}
	if decode(r.body, &d) != nil {
		return nil
	}
	all := append(d.Error.Info, d.Info...)
	if len(all) == 0 && d.Error.Code+d.Error.Message != "" {
		all = words{{ID: d.Error.Code, Text: d.Error.Message}}
	}
	return all
}

// has reports whether one of the messages has such an id, in whatever registry.
func (w words) has(ids ...string) bool {
	for _, m := range w {
		for _, id := range ids {
			if strings.EqualFold(m.ID[strings.LastIndexByte(m.ID, '.')+1:], id) {
				return true
			}
		}
	}
	return false
}

// contains reports whether the text of a message has such words.
func (w words) contains(parts ...string) bool {
	for _, m := range w {
		for _, p := range parts {
			if strings.Contains(strings.ToLower(m.Text), p) {
				return true
			}
		}
	}
	return false
}

// without takes a secret out of all texts.
func (w words) without(secret string) words {
	if secret == "" {
		return w
	}
	out := make(words, len(w))
	for i, m := range w {
		m.Text, m.ID = strings.ReplaceAll(m.Text, secret, "[secret]"), strings.ReplaceAll(m.ID, secret, "[secret]")
		out[i] = m
	}
	return out
}

// String is the first message that says more than that something failed.
func (w words) String() string {
	for i, m := range w {
		last := m.ID[strings.LastIndexByte(m.ID, '.')+1:]
		if (last == "GeneralError" || last == "Success") && i < len(w)-1 {
			continue
		}
		id, text := clean(m.ID, shortText), clean(m.Text, shortText)
		switch {
		case text == "":
			return id
		case id == "":
			return text
		}
		return id + ": " + text
	}
	return ""
}

// retryAfter is how long a BMC asks to wait; a date is not believed.
func (r *reply) retryAfter() time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(r.header.Get("Retry-After")))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, maxRetryAfter)) * time.Second
}

// isHTML reports whether an answer is a page for people.
func (r *reply) isHTML() bool {
	return strings.Contains(r.header.Get("Content-Type"), "text/html") || strings.HasPrefix(strings.TrimSpace(string(r.body[:min(len(r.body), 64)])), "<") ||
		strings.HasPrefix(http.DetectContentType(r.body), "text/html")
}
