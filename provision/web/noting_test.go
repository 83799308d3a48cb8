package web

import (
	"fmt"
	"slices"
	"testing"
)

// TestNoting: of more hosts than are remembered, the one that was asked for longest ago is
// forgotten, and not all that are just being installed; what was handed out before stays
// known.
func TestNoting(t *testing.T) {
	s := &Server{}
	secrets := map[string]string{"one": "hunter2", "line": "hunter22"}
	get := func(name string) (string, error) {
		v, ok := secrets[name]
		if !ok {
			return "", fmt.Errorf("no secret %s", name)
		}
		return v, nil
	}
	for i := range maxNotedHosts + 3 {
		look := s.Noting(fmt.Sprintf("h%d", i), get)
		for _, name := range []string{"one", "line", "none", "one"} {
			_, _ = look(name)
		}
	}
	secrets["one"] = "another"
	last := fmt.Sprintf("h%d", maxNotedHosts)
	_, _ = s.Noting(last, get)("one")
	if got, want := s.SecretsOf(last), []string{"hunter2", "hunter22", "another"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if len(s.SecretsOf("h2")) != 0 || len(s.SecretsOf("h3")) == 0 || len(s.secrets.hosts) != maxNotedHosts {
		t.Errorf("%d hosts are remembered; h2 %q, h3 %q", len(s.secrets.hosts), s.SecretsOf("h2"), s.SecretsOf("h3"))
	}
	for i := range 2 * maxNoted {
		s.secrets.add(last, fmt.Sprint("value ", i))
	}
	if got := s.SecretsOf(last); len(got) != maxNoted || got[maxNoted-1] != fmt.Sprint("value ", 2*maxNoted-1) {
		t.Errorf("%d values", len(got))
	}
}
