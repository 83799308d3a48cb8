package redfish

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// tagOf is the ETag of an answer: of its header, or of its body.
func tagOf(r *reply) string {
	if tag := tidyTag(r.header.Get("ETag")); tag != "" {
		return tag
	}
	var d struct {
		Tag string `json:"@odata.etag"`
	}
	_ = decode(r.body, &d)
	return tidyTag(d.Tag)
}

// tidyTag takes off what some services put around a tag: 'W/"x"', ""x"". A tag without
// anything in it is none, and is never sent.
func tidyTag(tag string) string {
	tag = strings.Trim(strings.TrimSpace(tag), "'")
	weak := strings.HasPrefix(tag, "W/")
	opaque := strings.Trim(strings.TrimPrefix(tag, "W/"), `"' `)
	if opaque == "" || len(opaque) > shortText || strings.ContainsFunc(opaque, func(r rune) bool { return r < 0x21 || r > 0x7e || r == '"' }) {
		return ""
	}
	if weak {
		return `W/"` + opaque + `"`
	}
	return `"` + opaque + `"`
}

// patch changes a resource whose ETag is tag ("" for none). Services disagree about If-Match
// (428 without it; 412 with a weak tag, or with any), so it is sent as it was read, then as a
// strong tag, then not at all.
func (s *session) patch(ctx context.Context, path link, body any, tag string) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	tags := []string{tag}
	if strong, weak := strings.CutPrefix(tag, "W/"); weak {
		tags = append(tags, strong)
	}
	if tag != "" {
		tags = append(tags, "")
	}
	var r *reply
	for _, tag := range tags {
		if r, err = s.do(ctx, http.MethodPatch, path, text, tag); err != nil {
			return err
		}
		if r.status != http.StatusPreconditionFailed {
			break
		}
	}
	if r.status == http.StatusPreconditionRequired || r.status == http.StatusPreconditionFailed {
		// It wants a tag that it has not given: any resource matches "*" (RFC 9110 §13.1.1).
		if r, err = s.do(ctx, http.MethodPatch, path, text, "*"); err != nil {
			return err
		}
	}
	return r.judge(s.secrets()...)
}
