package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/store"
)

func TestJudge(t *testing.T) {
	for name, tt := range map[string]struct {
		found found
		may   May
		want  string // "": it can start
	}{
		"first start":                                   {found{}, May{}, ""},
		"the CA follows another one":                    {found{database: true, ca: "b", before: "a", recorded: "a", issued: true, leftovers: true}, May{}, ""},
		"unchanged":                                     {found{database: true, ca: "a", recorded: "a", issued: true, leftovers: true}, May{}, ""},
		"a database of an earlier version":              {found{database: true, ca: "a", leftovers: true}, May{}, ""},
		"cut short before its CA":                       {found{database: true}, May{}, ""},
		"database lost":                                 {found{ca: "a"}, May{}, "--new-database"},
		"database lost, allowed by the operator":        {found{ca: "a"}, May{NewDatabase: true}, ""},
		"both lost":                                     {found{leftovers: true}, May{}, "the CA is gone too"},
		"both lost, allowed by the operator":            {found{leftovers: true}, May{NewDatabase: true}, ""},
		"CA lost":                                       {found{database: true, recorded: "a"}, May{}, "--new-ca"},
		"CA lost, a database of an earlier version":     {found{database: true, issued: true}, May{}, "--new-ca"},
		"CA lost, allowed by the operator":              {found{database: true, recorded: "a"}, May{NewCA: true}, ""},
		"of another appliance":                          {found{database: true, recorded: "a", ca: "b"}, May{}, "two appliances"},
		"of another appliance, allowed by the operator": {found{database: true, recorded: "a", ca: "b"}, May{NewCA: true}, ""},
		"a new database beside one":                     {found{database: true, recorded: "a", ca: "a"}, May{NewDatabase: true}, "is there"},
		"a lost database, but a new CA is allowed":      {found{ca: "a"}, May{NewCA: true}, "--new-database"},
		"a lost CA, but a new database is allowed":      {found{database: true, recorded: "a"}, May{NewDatabase: true}, "is there"},
	} {
		err := judge(tt.found, tt.may, "/state")
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// TestCutShort checks that a first start that is killed at any step begins again, and that
// one with a new database keeps that choice.
func TestCutShort(t *testing.T) {
	dir := t.TempDir()
	open := func(may May) error {
		t.Helper()
		s, err := Open(t.Context(), dir, nil, may, time.Now())
		if err != nil {
			return err
		}
		defer s.Close()
		if pending, err := Pending(t.Context(), s); err != nil || pending != may.NewDatabase {
			t.Errorf("pending %v, %v", pending, err)
		}
		return nil
	}
	empty, err := store.OpenBolt(filepath.Join(dir, Database)) // killed before the first record
	if err == nil {
		err = empty.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // and before the CA was made
		if err := open(May{}); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("ca/ca.pem", "a CA") // before it was bound
	if err := open(May{}); err != nil {
		t.Fatal(err)
	}
	write(Database, "")
	if err := open(May{}); !errors.Is(err, ErrAsk) {
		t.Errorf("an empty file: %v", err)
	}
	if err := open(May{NewDatabase: true}); err != nil {
		t.Fatal(err)
	}
}

// TestBindOnce checks that a start with the same CA writes nothing.
func TestBindOnce(t *testing.T) {
	s, err := store.OpenBolt(filepath.Join(t.TempDir(), Database))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var revs []uint64
	for _, ca := range []string{"a CA", "a CA", "another"} {
		if err := Bind(t.Context(), s, []byte(ca)); err != nil {
			t.Fatal(err)
		}
		r, err := s.Get(t.Context(), caKey)
		if err != nil {
			t.Fatal(err)
		}
		revs = append(revs, r.Rev)
	}
	if revs[0] != revs[1] || revs[1] == revs[2] {
		t.Errorf("written at the revisions %v", revs)
	}
}
