package appliance

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/preview"
)

// authority is the certificate of a BMCs' authority.
const authority = `-----BEGIN CERTIFICATE-----
MIIBhjCCAS2gAwIBAgIUUH2IXIQqU3ORKW3jCkVqb+6Tq4QwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNQk1DIGF1dGhvcml0eTAgFw0yNjEyMDEwMDUwMDRaGA8yMTI2
MTEwNzAwNTAwNFowGDEWMBQGA1UEAwwNQk1DIGF1dGhvcml0eTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABEah+qdNXw2Rp9C+Meg9hTraI8SBeLropHgc5HfvgvGW
XRuPJRivY+KS/3vOSNy2EWoVS0VPAWB4wDwXcXbgEYSjUzBRMB0GA1UdDgQWBBT/
H7eUa4ezhnw/yPvvmItCCN34SjAfBgNVHSMEGDAWgBT/H7eUa4ezhnw/yPvvmItC
CN34SjAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIDN0E8D3YFgC
yu5iw3oYwkA3xn/joRb5+zvXGEHuHN6EAiBgWCXOo2fi2FNNMCtrNp1i1ulRTv/Q
wYyhR7Cm6mjenw==
-----END CERTIFICATE-----
`

func TestLastGood(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "good.json")
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if snap, _, err := loadGood(file, nil); snap != nil || err != nil {
		t.Errorf("without a copy: %v %v", snap, err)
	}
	write("rack.yaml", `networks:
  rack1: {subnet: 10.77.0.0/24}
systems:
  debian12: {installer: image, image: debian12}
hosts:
  web1: {mac: "52:54:00:00:00:01", address: 10.77.0.11, system: debian12, kickstart: base.ks, role: web, bmc: {address: 10.77.0.111, user: admin, password: {secret: b}, ca: bmc.pem}}
`)
	write("bmc.pem", authority)
	write("roles/web.yaml", "resources:\n  - file: /etc/motd\n    template: motd\n")
	write("templates/motd", "hello {{ .Host.Name }}\n{{ file \"legal/notice\" }}{{ file \"link\" }}")
	write("templates/files/legal/notice", "private\n")
	write("outside", "not for templates\n")
	for link, to := range map[string]string{"link": "legal/notice", "out": "../../outside", "gone": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, "templates", "files", link)); err != nil {
			t.Fatal(err)
		}
	}
	good, problems := preview.Load(dir)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if err := keepGood(dir, file, good.Authorities, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(kept), base64.StdEncoding.EncodeToString([]byte("not for templates\n"))) {
		t.Error("what a link leads to outside of the folder was kept")
	}
	write("rack.yaml", "hosts: [\n")
	snap, _, err := loadGood(file, nil)
	if err != nil || snap.Hosts["web1"] == nil || string(snap.Hosts["web1"].BMC.CA) != authority {
		t.Fatalf("the copy: %v", err)
	}
	if err := os.WriteFile(file, []byte(`{"../evil": "aGVsbG8="}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := loadGood(file, nil); err == nil {
		t.Error("a name that leads out of the folder was followed")
	}
}
