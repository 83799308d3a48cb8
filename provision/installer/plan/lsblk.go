package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// LsblkCommand is the command on a box whose output ReadLsblk reads.
const LsblkCommand = "lsblk --bytes --nodeps --json --output NAME,SIZE,LOG-SEC,MODEL,SERIAL,WWN,TRAN,TYPE"

// A lsblkNumber is a number, which older versions of lsblk write as text.
type lsblkNumber int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *lsblkNumber) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	v, err := strconv.ParseInt(strings.Trim(string(text), `"`), 10, 64)
	*n = lsblkNumber(v)
	return err
}

// ReadLsblk reads disks from the JSON of lsblk(8), as LsblkCommand writes it. Devices that
// can't be installed to are left out.
func ReadLsblk(text []byte) ([]Disk, error) {
	var in struct {
		Devices []struct {
			Name   string      `json:"name"`
			Size   lsblkNumber `json:"size"`
			Sector lsblkNumber `json:"log-sec"`
			Model  string      `json:"model"`
			Serial string      `json:"serial"`
			WWN    string      `json:"wwn"`
			Tran   string      `json:"tran"`
			Type   string      `json:"type"`
		} `json:"blockdevices"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("this is not the JSON of lsblk (%s): %w", LsblkCommand, err)
	}
	var out []Disk
	for _, d := range in.Devices {
		if d.Type != "" && d.Type != "disk" || d.Size <= 0 || strings.HasPrefix(d.Name, "zram") {
			continue
		}
		if d.Name == "" || d.Size > 1<<60 || d.Sector != 0 && d.Sector != 512 && d.Sector != 4096 {
			return nil, fmt.Errorf("lsblk's disk %q of %d bytes and sectors of %d bytes is not possible", d.Name, d.Size, d.Sector)
		}
		disk := Disk{
			Name: d.Name, Size: int64(d.Size), Sector: max(512, int(d.Sector)), WWN: d.WWN,
			Model: strings.TrimSpace(d.Model), Serial: strings.TrimSpace(d.Serial), USB: d.Tran == "usb",
		}
		if id, ok := strings.CutPrefix(d.WWN, "0x"); ok { // as the kernel and udev write it
			disk.WWN, disk.Links = "naa."+id, []string{"disk/by-id/wwn-" + d.WWN}
		}
		out = append(out, disk)
	}
	if len(out) == 0 {
		return nil, errors.New("lsblk shows no disk that could be installed to")
	}
	return out, nil
}
