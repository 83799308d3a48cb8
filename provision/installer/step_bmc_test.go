package installer

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/plan"
)

type noBMC struct{}

func (noBMC) Do(context.Context, byte, byte, ...byte) (byte, []byte, error) {
	return 0, nil, errors.New("it is gone: bmc-s3cret")
}

// TestBMC fetches the settings of a BMC. What fails is a warning, and the password is in no
// line.
func TestBMC(t *testing.T) {
	const settings = `{"address":"10.77.0.111/24","gateway":"10.77.0.1","user":"rackhand","password":"bmc-s3cret","privilege":"operator"}`
	for _, c := range []struct {
		name string
		srv  *fake.Server
		want string // among the lines
		has  bool   // settings
	}{
		{"fetched", &fake.Server{Data: []byte(settings)}, "the BMC is not set up as the inventory has it: describe its channels (Get Channel Info): it is gone", true},
		{"refused", &fake.Server{Always: 404}, "the BMC is not set up as the inventory has it: fetch its settings: the server answers 404", false},
		{"no JSON", &fake.Server{Data: []byte("bmc-s3cret")}, "fetch its settings: invalid character", false},
		{"too long", &fake.Server{Data: []byte(strings.Repeat(" ", 5000))}, "larger than 4096 bytes", false},
	} {
		srv := httptest.NewServer(c.srv)
		m := scratch(t, nil)
		m.client = http.DefaultClient
		var said []string
		m.Con.SetSink(func(l string) { said = append(said, l) })
		r := &plan.Recipe{Secrets: []string{"root-s3cret"}}
		m.fetchBMC(t.Context(), srv.URL+"/i/T/bmc", nil, r)
		srv.Close()
		if (m.bmc != nil) != c.has {
			t.Errorf("%s: settings %v", c.name, m.bmc)
		}
		if m.bmc != nil {
			m.hide(r)
			m.setUpBMCBy(t.Context(), noBMC{})
		}
		text := strings.Join(said, "\n")
		if !strings.Contains(text, c.want) || strings.Contains(text, "bmc-s3cret") {
			t.Errorf("%s: said %q, want %q", c.name, text, c.want)
		}
	}
	m := scratch(t, nil)
	m.fetchBMC(t.Context(), "", nil, nil)
	m.load = func(string) { t.Error("a module is loaded for a BMC that is left alone") }
	m.setUpBMC(t.Context())
}
