package ipmi

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

// sel answers for an event log whose records have these ids.
func sel(b *bmctest.BMC, ids []uint16, record func(id uint16) []byte) (walked *int) {
	walked = new(int)
	b.Answer(types.CommandGetSELInfo, func([]byte) ([]byte, types.CompletionCode) {
		return append([]byte{0x51, byte(len(ids)), byte(len(ids) >> 8), 0, 1}, make([]byte, 9)...), types.CodeOK
	})
	b.Answer(types.CommandGetSELEntry, func(data []byte) ([]byte, types.CompletionCode) {
		*walked++
		want := binary.LittleEndian.Uint16(data[2:])
		for i, id := range ids {
			if id == want || want == 0 && i == 0 || want == latest && i == len(ids)-1 {
				next := uint16(latest)
				if i+1 < len(ids) {
					next = ids[i+1]
				}
				return append(binary.LittleEndian.AppendUint16(nil, next), record(id)...), types.CodeOK
			}
		}
		return nil, types.CodeRequestedDataNotPresent
	})
	return walked
}

func record(id uint16, rest ...byte) []byte {
	return append(binary.LittleEndian.AppendUint16(nil, id), rest...)
}

func TestLog(t *testing.T) {
	b := bmctest.Serve(t)
	plain := func(id uint16) []byte {
		return record(id, 2, 0, 0x10, 0, 0x60, 0x20, 0, 4, 4, 2, 1, 0x59, 95, 90)
	}
	sequence := func(from, n, step uint16) (ids []uint16) {
		for i := range n {
			ids = append(ids, from+i*step)
		}
		return ids
	}
	for _, tt := range []struct {
		name string
		ids  []uint16
		most int
		want string
		walk int // at most
	}{
		{"none", nil, 5, "", 0},
		{"fewer than asked for", sequence(1, 3, 1), 5, "0001 0002 0003", 3},
		{"consecutive", sequence(1, 500, 1), 3, "01f2 01f3 01f4", 4},
		{"in steps", sequence(16, 40, 16), 2, "0270 0280", 43},
		{"ids that began again", append(sequence(60000, 5, 1), 1, 2), 3, "ea64 0001 0002", 8},
		{"a loop", []uint16{1, 2, 1}, 5, "0001 0002", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			walked := sel(b, tt.ids, plain)
			got, err := open(t, b).Log(t.Context(), tt.most)
			var ids []string
			for _, e := range got {
				ids = append(ids, e.ID)
			}
			if strings.Join(ids, " ") != tt.want || err != nil {
				t.Errorf("%v, %v, want %s", ids, err, tt.want)
			}
			if *walked > tt.walk {
				t.Errorf("%d entries were read", *walked)
			}
		})
	}
}

func TestLogWords(t *testing.T) {
	at := time.Unix(0x60001000, 0).UTC()
	for _, tt := range []struct {
		name string
		raw  []byte
		want bmc.LogEntry
	}{
		{"a threshold", record(1, 2, 0, 0x10, 0, 0x60, 0x20, 0, 4, 4, 2, 0x01, 0x59, 95, 90), bmc.LogEntry{ID: "0001", At: at, Sensor: "Fan 1", Text: "Upper Critical - going high", Health: bmc.Critical}},
		{"no longer", record(1, 2, 0, 0x10, 0, 0x60, 0x20, 0, 4, 4, 2, 0x81, 0x59, 95, 90), bmc.LogEntry{ID: "0001", At: at, Sensor: "Fan 1", Text: "Upper Critical - going high (no longer)", Health: bmc.OK}},
		{"the firmware", record(2, 2, 0, 0x10, 0, 0x60, 1, 0, 4, 0x0f, 0x10, 0x6f, 0xc2, 0x13, 0xff), bmc.LogEntry{ID: "0002", At: at, Sensor: "system firmwares #10", Text: "System Firmware Progress: starting the operating system", Health: bmc.OK, Progress: "firmware"}},
		{"the firmware's error", record(2, 2, 0, 0x10, 0, 0x60, 1, 0, 4, 0x0f, 0x10, 0x6f, 0xc0, 0x08, 0xff), bmc.LogEntry{ID: "0002", At: at, Sensor: "system firmwares #10", Text: "System Firmware Error (POST Error): boot media not found", Health: bmc.Critical, Progress: "boot-failed"}},
		{"the network", record(3, 2, 0, 0x10, 0, 0x60, 1, 0, 4, 0x1f, 0x11, 0x6f, 2, 0xff, 0xff), bmc.LogEntry{ID: "0003", At: at, Sensor: "os boot #11", Text: "PXE boot completed", Health: bmc.OK, Progress: "pxe"}},
		{"the disk", record(3, 2, 0, 0x10, 0, 0x60, 1, 0, 4, 0x1f, 0x11, 0x6f, 1, 0xff, 0xff), bmc.LogEntry{ID: "0003", At: at, Sensor: "os boot #11", Text: "C: boot completed", Health: bmc.OK, Progress: "disk"}},
		{"no PXE server", record(3, 2, 0, 0x10, 0, 0x60, 1, 0, 4, 0x1e, 0x12, 0x6f, 2, 0xff, 0xff), bmc.LogEntry{ID: "0003", At: at, Sensor: "boot error #12", Text: "PXE Server not found", Health: bmc.Critical, Progress: "boot-failed"}},
		{"before the clock was set", record(4, 2, 5, 0, 0, 0, 1, 0, 4, 0x1f, 0x11, 0x6f, 1, 0xff, 0xff), bmc.LogEntry{ID: "0004", Sensor: "os boot #11", Text: "C: boot completed", Health: bmc.OK, Progress: "disk"}},
		{"the maker's", record(5, 0xc1, 0, 0x10, 0, 0x60, 1, 2, 3, 4, 5, 6, 7, 8, 9), bmc.LogEntry{ID: "0005", At: at, Text: "record of the maker's, type C1h: 00 10 00 60 01 02 03 04 05 06 07 08 09", Health: bmc.OK}},
		{"without a time", record(6, 0xe1, 0, 0x10, 0, 0x60, 1, 2, 3, 4, 5, 6, 7, 8, 9), bmc.LogEntry{ID: "0006", Text: "record of the maker's, type E1h: 00 10 00 60 01 02 03 04 05 06 07 08 09", Health: bmc.OK}},
		{"unknown", record(7, 2, 0, 0x10, 0, 0x60, 1, 0, 4, 0xc5, 0x11, 0x71, 1, 2, 3), bmc.LogEntry{ID: "0007", At: at, Sensor: "unknown #11", Text: "event type 71h, data 01 02 03", Health: bmc.OK}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := bmctest.Serve(t)
			b.Fill(t)
			sel(b, []uint16{1}, func(uint16) []byte { return tt.raw })
			got, err := open(t, b).Log(t.Context(), 1)
			if err != nil || len(got) != 1 || got[0] != tt.want {
				t.Errorf("%+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestLogState(t *testing.T) {
	info := func(entries, free uint16, flags byte) []byte {
		b := binary.LittleEndian.AppendUint16([]byte{0x51}, entries)
		b = binary.LittleEndian.AppendUint16(b, free)
		return append(append(b, make([]byte, 8)...), flags)
	}
	for _, tt := range []struct {
		raw  []byte
		want bmc.LogState
	}{
		{info(0, 16000, 2), bmc.LogState{}},
		{info(100, 1600, 2), bmc.LogState{Entries: 100, Percent: 50}},
		{info(100, 0, 2), bmc.LogState{Entries: 100, Percent: 100, Full: true}},
		{info(100, 1600, 0x82), bmc.LogState{Entries: 100, Percent: 50, Full: true}},
		{info(100, 0xffff, 2), bmc.LogState{Entries: 100, Percent: -1}},
		{info(0, 0, 2), bmc.LogState{Percent: -1}},
	} {
		if got := logState(tt.raw); got != tt.want {
			t.Errorf("% x: %+v, want %+v", tt.raw, got, tt.want)
		}
	}
}

func TestClearLog(t *testing.T) {
	b := bmctest.Serve(t)
	var did []string
	reservation := byte(0)
	b.Answer(types.CommandReserveSEL, func([]byte) ([]byte, types.CompletionCode) {
		reservation++
		did = append(did, "reserve")
		return []byte{reservation, 0}, types.CodeOK
	})
	looks := 0
	b.Answer(types.CommandClearSEL, func(data []byte) ([]byte, types.CompletionCode) {
		switch {
		case string(data[2:5]) != "CLR":
			return nil, types.CodeRequestDataFieldInvalid
		case data[0] == 1:
			did = append(did, "cancelled")
			return nil, types.CodeReservationCanceled
		case data[5] == 0xaa:
			did = append(did, "erase")
			return []byte{0}, types.CodeOK
		}
		did = append(did, "look")
		if looks++; looks < 3 {
			return []byte{0}, types.CodeOK
		}
		return []byte{1}, types.CodeOK
	})
	if err := open(t, b).ClearLog(t.Context()); err != nil || strings.Join(did, " ") != "reserve cancelled reserve erase look look look" {
		t.Errorf("%v, %v", did, err)
	}
	b.Answer(types.CommandReserveSEL, answer(1, 0))
	if err := open(t, b).ClearLog(t.Context()); !errors.Is(err, bmc.ErrRefused) {
		t.Errorf("always cancelled: %v", err)
	}
	b.Answer(types.CommandClearSEL, refuse(types.CodeInsufficientPrivilege))
	err := open(t, b).ClearLog(t.Context())
	if !errors.Is(err, bmc.ErrPrivilege) || !strings.Contains(err.Error(), "bmc.privilege: administrator") {
		t.Errorf("as operator: %v", err)
	}
}
