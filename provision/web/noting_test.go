package web

import (
	"fmt"
	"slices"
	"testing"
)

// TestNoting: a secret of many lines is known by each of them, since logs have lines; and
// of more hosts than are remembered, the one whose file was made longest ago is forgotten,
// and not all that are just being installed.
func TestNoting(t *testing.T) {
	s := &Server{}
	secrets := map[string]string{
		"one":  "hunter2",
		"line": "hunter22\n",
		"key":  "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n}\nAAECAwQFBgcICQ\n-----END PRIVATE KEY-----\n",
	}
	get := func(name string) (string, error) {
		v, ok := secrets[name]
		if !ok {
			return "", fmt.Errorf("no secret %s", name)
		}
		return v, nil
	}
	for i := range maxAnswers + 3 {
		look := s.answers.noting(fmt.Sprintf("h%d", i), get)
		if v, err := look("key"); err != nil || v != secrets["key"] {
			t.Fatal(v, err)
		}
		for _, name := range []string{"one", "line", "none", "one"} {
			_, _ = look(name)
		}
	}
	if got, want := s.SecretsOf(fmt.Sprintf("h%d", maxAnswers)), []string{"MC4CAQAwBQYDK2VwBCIEIA", "AAECAwQFBgcICQ", "hunter2", "hunter22"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if len(s.SecretsOf("h2")) != 0 || len(s.SecretsOf("h3")) == 0 || len(s.answers.secrets) != maxAnswers {
		t.Errorf("%d hosts are remembered; h2 %q, h3 %q", len(s.answers.secrets), s.SecretsOf("h2"), s.SecretsOf("h3"))
	}
}
