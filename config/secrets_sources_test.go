package config_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"rackhand/config"
)

// secretFiles is a configuration with an encrypted file of secrets.
type secretFiles struct {
	*config.Config
	dir string
	id  *age.X25519Identity
}

func newSecretFiles(t *testing.T) secretFiles {
	t.Helper()
	dir := t.TempDir()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Secrets = filepath.Join(dir, "secrets")
	c.Age = config.Age{File: filepath.Join(dir, "secrets.age"), Identity: filepath.Join(dir, "identity.txt")}
	r := secretFiles{c, dir, id}
	r.write(t, "identity.txt", "# created: today\n"+id.String()+"\n", 0o600)
	return r
}

func (r secretFiles) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // past the umask
		t.Fatal(err)
	}
}

func (r secretFiles) encrypt(t *testing.T, text string) {
	t.Helper()
	var b bytes.Buffer
	w, err := age.Encrypt(&b, r.id.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r.write(t, "secrets.age", b.String(), 0o644)
}

// TestSecretSources: folder, environment, encrypted file, in this order; and a
// change of any is seen at once.
func TestSecretSources(t *testing.T) {
	r := newSecretFiles(t)
	env := map[string]string{"RACKHAND_SECRET_BMC_WEB_1": "of the environment", "RACKHAND_SECRET_ROOTPW": "env", "RACKHAND_SECRET_CRLF": "of a file\r\n"}
	secrets := r.SecretSources(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	r.encrypt(t, "bmc/web-1: of age\nbmc/web2: NO\nrootpw: age\nempty: ''\n")
	get := func(name, want string) {
		t.Helper()
		if got, err := secrets.Get(name); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	get("crlf", "of a file")
	get("bmc/web2", "NO") // the folder isn't there yet
	get("bmc/web-1", "of the environment")
	r.write(t, "secrets/bmc/web-1", "of the folder\n", 0o600)
	get("bmc/web-1", "of the folder")
	delete(env, "RACKHAND_SECRET_ROOTPW")
	get("rootpw", "age")
	get("rootpw", "age")
	r.encrypt(t, "rootpw: age, another\n")
	get("rootpw", "age, another")

	_, err := secrets.Get("none/at-all")
	for _, want := range []string{"secret none/at-all", "secrets/none/at-all", "RACKHAND_SECRET_NONE_AT_ALL", "secrets.age"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a secret that is nowhere: %v; want %q in it", err, want)
		}
	}
}

// TestSecretsRefused: a source that has a secret and may not give it ends the
// search, and no error shows a secret or a key.
func TestSecretsRefused(t *testing.T) {
	const good = "a: hunter2\n"
	for name, tt := range map[string]struct {
		change func(t *testing.T, r secretFiles)
		env    string
		want   string
	}{
		"file for everyone": {func(t *testing.T, r secretFiles) { r.write(t, "secrets/a", "hunter2\n", 0o644) }, "hunter2", "chmod 600"},
		"empty variable":    {func(*testing.T, secretFiles) {}, "", "is empty"},
		"identity for the group": {func(t *testing.T, r secretFiles) {
			r.write(t, "identity.txt", r.id.String()+"\n", 0o640)
		}, "-", "chmod 600"},
		"no identity": {func(t *testing.T, r secretFiles) { r.write(t, "identity.txt", "AGE-SECRET-KEY-1HUNTER2\n", 0o600) }, "-", "holds no age identity"},
		"identity missing": {func(t *testing.T, r secretFiles) {
			if err := os.Remove(r.Age.Identity); err != nil {
				t.Fatal(err)
			}
		}, "-", "identity of the encrypted secrets"},
		"another's": {func(t *testing.T, r secretFiles) {
			id, err := age.GenerateX25519Identity()
			if err != nil {
				t.Fatal(err)
			}
			r.write(t, "identity.txt", id.String()+"\n", 0o600)
		}, "-", "can't be decrypted"},
		"not encrypted": {func(t *testing.T, r secretFiles) { r.write(t, "secrets.age", good, 0o600) }, "-", "can't be decrypted"},
		"cut short": {func(t *testing.T, r secretFiles) {
			b, err := os.ReadFile(r.Age.File)
			if err != nil {
				t.Fatal(err)
			}
			r.write(t, "secrets.age", string(b[:len(b)-3]), 0o600)
		}, "-", "can't be decrypted"},
		"a list":     {func(t *testing.T, r secretFiles) { r.encrypt(t, "- hunter2\n") }, "-", "not a YAML mapping"},
		"no YAML":    {func(t *testing.T, r secretFiles) { r.encrypt(t, "a: [hunter2\n") }, "-", "not a YAML mapping"},
		"nothing":    {func(t *testing.T, r secretFiles) { r.encrypt(t, "") }, "-", "not a YAML mapping"},
		"nested":     {func(t *testing.T, r secretFiles) { r.encrypt(t, "a: {b: hunter2}\n") }, "-", "line 1"},
		"an alias":   {func(t *testing.T, r secretFiles) { r.encrypt(t, "x: &hunter2 hunter2\na: *hunter2\n") }, "-", "line 2"},
		"twice":      {func(t *testing.T, r secretFiles) { r.encrypt(t, good+"a: hunter2\n") }, "-", "twice"},
		"empty":      {func(t *testing.T, r secretFiles) { r.encrypt(t, "a: ''\n") }, "-", "empty"},
		"huge value": {func(t *testing.T, r secretFiles) { r.encrypt(t, "a: "+strings.Repeat("hunter2", 20000)) }, "-", "more than 64 KiB"},
		"huge file":  {func(t *testing.T, r secretFiles) { r.encrypt(t, "a: "+strings.Repeat("hunter2", 300000)) }, "-", "KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newSecretFiles(t)
			r.encrypt(t, good)
			secrets := r.SecretSources(func(string) (string, bool) { return tt.env, tt.env != "-" })
			tt.change(t, r)
			got, err := secrets.Get("a")
			if err == nil || got != "" || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "secret a: ") {
				t.Fatalf("%q, %v; want an error with %q", got, err, tt.want)
			}
			if strings.Contains(strings.ToLower(err.Error()), "hunter2") || strings.Contains(err.Error(), r.id.String()) {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestSecretVariable(t *testing.T) {
	for name, want := range map[string]string{"rootpw/web": "ROOTPW_WEB", "a-b.c/d_1": "A_B_C_D_1", "B/über": "B__BER"} {
		if got := config.SecretVariable(name); got != "RACKHAND_SECRET_"+want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
