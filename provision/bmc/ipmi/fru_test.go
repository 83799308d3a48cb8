package ipmi

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

// captured is where inventories of real boxes are, which are no part of the repository.
func captured() string {
	dir := os.Getenv("RACKHAND_REDFISH")
	if dir == "" {
		dir = "../../../../shared/redfish"
	}
	return filepath.Join(dir, "ipmi-fru")
}

func reader(data []byte) func(at, n int) ([]byte, error) {
	return func(at, n int) ([]byte, error) {
		if at+n > len(data) {
			return nil, errors.New("cut off")
		}
		return data[at : at+n], nil
	}
}

func TestFRU(t *testing.T) {
	made := bmctest.Inventories()[0]
	area := int(made[productAt]) * fruUnit
	broken := append([]byte(nil), made...)
	broken[area+3] = 0xff // longer than the area
	cut := made[:area+8]
	for _, tt := range []struct {
		name string
		data []byte
		want fru
	}{
		{"made up", made, fru{
			bmc.Part{Maker: "Boxmaker", Model: "Box 2000", Serial: "SN-0815"},
			bmc.Part{Maker: "Boardmaker", Model: "X1-BOARD", Serial: "BO-1"},
			"CH-1", "",
		}},
		{"a broken area doesn't cost the others", broken, fru{board: bmc.Part{Maker: "Boardmaker", Model: "X1-BOARD", Serial: "BO-1"}, chassisSerial: "CH-1"}},
		{"cut off", cut, fru{board: bmc.Part{Maker: "Boardmaker", Model: "X1-BOARD", Serial: "BO-1"}, chassisSerial: "CH-1"}},
	} {
		if got, err := parseFRU(reader(tt.data)); err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v, want %+v", tt.name, got, err, tt.want)
		}
	}
	for name, data := range map[string][]byte{"empty": nil, "blank": make([]byte, 64), "erased": {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		if got, err := parseFRU(reader(data)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestCapturedFRUs reads the inventories of real boxes, where they are.
func TestCapturedFRUs(t *testing.T) {
	part := func(maker, model, serial string) bmc.Part {
		return bmc.Part{Maker: maker, Model: model, Serial: serial}
	}
	want := map[string]fru{
		"fru_supermicro_x11scz-f.bin": {product: part("RNT Rausch", "SRV-RNT-1U-DED-3-0002", "DS03210109"), board: part("Supermicro", "X11SCZ-F", "VM211S003599")},
		"kontron_am4010.bin":          {product: part("Kontron", "AM4010", ""), board: part("Kontron", "AM4010", "0023721003")},
		"kontron_am4904.bin":          {product: part("Kontron", "AM4904-SRIO", "0400058419"), board: part("Kontron", "AM4904-SRIO", "0400058419")},
		"vadatech_utc017.bin":         {product: part("VadaTech", "UTCA PM", "4451956"), board: part("VadaTech", "UTCA PM", "4451956")},
	}
	files, _ := filepath.Glob(filepath.Join(captured(), "*.bin"))
	if len(files) == 0 {
		t.Logf("no inventories in %s: only the made-up ones are tested", captured())
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseFRU(reader(data))
		if err != nil || got != want[filepath.Base(file)] {
			t.Errorf("%s: %#v, %v", filepath.Base(file), got, err)
		}
	}
}

func TestUUID(t *testing.T) {
	const want = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"
	rfc := [16]byte{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x41, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	smbios := [16]byte{0x10, 0xb8, 0xa7, 0x6b, 0xad, 0x9d, 0xd1, 0x41, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	var reversed, ones [16]byte
	for i := range rfc {
		reversed[i], ones[i] = rfc[15-i], 0xff
	}
	for name, tt := range map[string]struct {
		guid [16]byte
		want string
	}{
		"as SMBIOS": {smbios, want}, "reversed": {reversed, want}, "as RFC 4122": {rfc, want},
		"none": {}, "not set": {guid: ones},
		"no RFC 4122 at all": {[16]byte{3, 2, 1, 0, 5, 4, 7, 6, 8, 9}, "00010203-0405-0607-0809-000000000000"},
	} {
		if got := uuidOf(tt.guid); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func FuzzFRU(f *testing.F) {
	for _, data := range bmctest.Inventories() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseFRU(reader(data))
		for _, text := range []string{got.asset, got.chassisSerial, got.board.Maker, got.product.Serial} {
			if printable(text) != text || err != nil && text != "" {
				t.Errorf("%q, %v", text, err)
			}
		}
	})
}
