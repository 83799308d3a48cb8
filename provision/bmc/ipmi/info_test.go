package ipmi

import (
	"encoding/binary"
	"reflect"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

func TestInfo(t *testing.T) {
	b := bmctest.Serve(t)
	b.Fill(t)
	b.Answer(types.CommandGetSystemGUID, answer(0x10, 0xb8, 0xa7, 0x6b, 0xad, 0x9d, 0xd1, 0x41, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30, 0xc8))
	b.Answer(types.CommandGetDeviceID, answer(0x20, 1, 3, 0x17, 2, 0xbf, 0x7c, 0x2a, 0, 0x11, 9))
	b.Answer(types.CommandGetSystemInfoParam, func(data []byte) ([]byte, types.CompletionCode) {
		return [][]byte{
			append([]byte{0x11, 0, 0, 18}, "BIOS 4.5 (2026"...), append([]byte{0x11, 1}, "-01)            "...),
		}[data[2]], types.CodeOK
	})
	want := bmc.Info{
		Maker: "Boxmaker", Model: "Box 2000", Serial: "SN-0815", BMC: "3.17", BIOS: "BIOS 4.5 (2026-01)",
		UUID: "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
		Parts: []bmc.Part{
			{Name: "board", Maker: "Boardmaker", Model: "X1-BOARD", Serial: "BO-1"},
			{Name: "PSU 1", Maker: "Powermaker", Model: "P-750", Serial: "PS-1"},
		},
	}
	if got, err := open(t, b).Info(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	// A BMC that returns at most 8 bytes at once.
	few := func(at int, cmd types.Command, from func(data []byte) []byte) {
		b.Answer(cmd, func(data []byte) ([]byte, types.CompletionCode) {
			if data[at] > 8 {
				return nil, types.CodeCannotReturnRequestedDataBytes
			}
			return from(data), types.CodeOK
		})
	}
	few(3, types.CommandReadFRUData, func(data []byte) []byte {
		all := bmctest.Inventories()[data[0]]
		from := int(binary.LittleEndian.Uint16(data[1:]))
		part := all[from:min(len(all), from+int(data[3]))]
		return append([]byte{byte(len(part))}, part...)
	})
	few(5, types.CommandGetSDR, func(data []byte) []byte {
		id := max(1, binary.LittleEndian.Uint16(data[2:]))
		next := id + 1
		all := bmctest.Records()[id]
		if bmctest.Records()[next] == nil {
			next = 0xffff
		}
		return append(binary.LittleEndian.AppendUint16(nil, next), all[data[4]:min(len(all), int(data[4]+data[5]))]...)
	})
	if got, err := open(t, b).Info(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("8 bytes at once: %+v, %v", got, err)
	}
	// A BMC with nothing but its id.
	bare := bmctest.Serve(t)
	if got, err := open(t, bare).Info(t.Context()); err != nil || got.BMC == "" || got.Serial != "" || got.Parts != nil {
		t.Errorf("bare: %+v, %v", got, err)
	}
}

func TestSensors(t *testing.T) {
	b := bmctest.Serve(t)
	b.Fill(t)
	readings := map[byte][]byte{1: {42, 0xc0, 0xc0}, 2: {95, 0xc0, 0x18}, 3: {0, 0xc0, 0x03, 0x80}}
	b.Answer(types.CommandGetSensorReading, func(data []byte) ([]byte, types.CompletionCode) {
		if r := readings[data[0]]; r != nil {
			return r, types.CodeOK
		}
		return nil, types.CodeRequestedDataNotPresent
	})
	s := open(t, b)
	temperature := bmc.Sensor{Name: "CPU temperature", Kind: "temperature", Value: 42, Unit: "C", Health: bmc.OK}
	fan := bmc.Sensor{Name: "Fan 1", Kind: "fan", Value: 9500, Unit: "RPM", Health: bmc.Critical}
	psu := bmc.Sensor{Name: "PSU 1", Kind: "other", State: "Presence detected, Power Supply Failure detected", Health: bmc.Critical}
	expect := func(name string, want ...bmc.Sensor) {
		t.Helper()
		if got, err := s.Sensors(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	expect("all", temperature, fan, psu)
	readings[2], readings[3] = []byte{95, 0xe0, 0}, []byte{0, 0xc0, 0, 0x80}
	expect("one unavailable, one without a state", temperature)
	readings[1] = []byte{42, 0x80, 0}
	expect("none scanned")
	delete(readings, 1)
	readings[2] = []byte{85, 0xc0, 0xc8}
	fan.Value, fan.Health = 8500, bmc.Warning
	expect("one absent", fan)
	readings[2] = []byte{1}
	expect("one byte")
	// Thresholds that the sensor doesn't have mean nothing.
	if got := thresholdHealth(0x3f, 0x01); got != bmc.Warning {
		t.Error(got)
	}
	if got := thresholdHealth(0x3f, 0); got != bmc.OK {
		t.Error(got)
	}
}

// TestAbsentSensor: a BMC that is silent about a sensor costs the others nothing.
func TestAbsentSensor(t *testing.T) {
	b := bmctest.Serve(t)
	b.Fill(t)
	drop := false
	b.Answer(types.CommandGetSensorReading, func(data []byte) ([]byte, types.CompletionCode) {
		drop = data[0] == 2
		return []byte{42, 0xc0, 0, 0}, types.CodeOK
	})
	target := bmctest.Relay(t, b.Target, pass, func(d []byte) [][]byte {
		if drop {
			return nil
		}
		return pass(d)
	})
	s, err := Driver{Exchange: 30 * time.Millisecond}.Open(t.Context(), target, &bmc.Memory{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	if got, err := s.Sensors(t.Context()); err != nil || len(got) != 1 || got[0].Name != "CPU temperature" {
		t.Errorf("%+v, %v", got, err)
	}
}
