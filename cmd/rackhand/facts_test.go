package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/config"
	"rackhand/provision/hostfacts"
)

// factsServer is an appliance that has the facts of web1.
func factsServer(t *testing.T) (socket string) {
	t.Helper()
	mux := http.NewServeMux()
	facts := json.RawMessage(`{"memory": {"total": 17179869184}, "os": {"id": "deb\u202eian"}}`)
	mux.HandleFunc("GET /api/hosts/web1/facts", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(hostfacts.Kept{Host: "web1", Facts: facts})
	})
	mux.HandleFunc("GET /api/facts", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"web1": facts, "web2": []int{1}})
	})
	return serveSocket(t, mux)
}

func TestFactsCommand(t *testing.T) {
	var out, errs bytes.Buffer
	if code := shown([]string{"facts", "web1", "--socket", factsServer(t)}, &out, &errs); code != 0 {
		t.Fatalf("%d %s", code, &errs)
	}
	if text := out.String(); !strings.Contains(text, "memory.total  17179869184\n") || strings.Contains(text, "\u202e") {
		t.Error(text)
	}
	if code := shown([]string{"facts", "web2", "--socket", factsServer(t)}, &out, &errs); code != 1 {
		t.Errorf("a host without facts: %d", code)
	}
}

// TestStoredFacts: facts come from the appliance of the settings, and are not known without it.
func TestStoredFacts(t *testing.T) {
	facts := storedFacts(t.Context(), &config.Config{Socket: factsServer(t)})
	if got := facts("web1")["memory"].(map[string]any)["total"]; got != 17179869184 || facts("web2") != nil || facts("web3") != nil {
		t.Errorf("%v, %v", got, facts("web2"))
	}
	if storedFacts(t.Context(), nil) != nil || storedFacts(t.Context(), &config.Config{Socket: filepath.Join(t.TempDir(), "none")}) != nil {
		t.Error("facts without an appliance")
	}
}
