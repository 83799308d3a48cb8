package redfishsim

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// An answer is a status with a body; a refusal has a message of the Base registry.
type answer struct {
	status  int
	body    any
	header  map[string]string
	message string // "Base.1.8.ResourceNotFound"
	text    string
}

func done() answer { return answer{status: http.StatusNoContent} }

func refuse(status int, message, format string, args ...any) answer {
	if !strings.Contains(message, ".") {
		message = "Base.1.8." + message
	}
	return answer{status: status, message: message, text: fmt.Sprintf(format, args...)}
}

func notFound(p string) answer {
	return refuse(http.StatusNotFound, "ResourceMissingAtURI", "The resource at the URI %s was not found.", p)
}

// write sends an answer (DSP0266 §8.1 headers, §8.6 error responses).
func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("OData-Version", "4.0")
	h.Set("Cache-Control", "no-cache")
	for k, v := range a.header {
		h.Set(k, v)
	}
	body := a.body
	if a.message != "" {
		body = map[string]any{"error": map[string]any{
			"code": "Base.1.8.GeneralError", "message": "A general error has occurred. See ExtendedInfo for more information.",
			"@Message.ExtendedInfo": []any{extended(a.message, a.text)},
		}}
	}
	if body == nil {
		w.WriteHeader(a.status)
		return
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(body)
}

func extended(message, text string) map[string]any {
	return map[string]any{
		"@odata.type": "#Message.v1_0_8.Message", "MessageId": message, "Message": text,
		"MessageArgs": []any{}, "Severity": "Critical", "Resolution": "None.",
	}
}

// etag is a document's tag: weak where the captured one was weak.
func etag(doc map[string]any) string {
	bare := clone(doc)
	old, _ := bare["@odata.etag"].(string)
	delete(bare, "@odata.etag")
	text, _ := json.Marshal(bare)
	sum := sha256.Sum256(text)
	tag := `"` + strings.ToUpper(hex.EncodeToString(sum[:4])) + `"`
	if strings.HasPrefix(old, "W/") {
		tag = "W/" + tag
	}
	return tag
}

// show is a GET's answer.
func show(doc map[string]any) answer {
	doc = clone(doc)
	tag := etag(doc)
	if _, has := doc["@odata.etag"]; has {
		doc["@odata.etag"] = tag
	}
	return answer{status: http.StatusOK, body: doc, header: map[string]string{"ETag": tag}}
}
