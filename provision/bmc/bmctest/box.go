package bmctest

import (
	"context"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"
)

// Records are sensor data records of a made-up box: a temperature with all thresholds, a fan,
// the state of a power supply, and the inventory of that.
func Records() map[uint16][]byte {
	ascii := func(s string) types.TypeLength { return types.TypeLength(0xc0 | len(s)) }
	full := func(number byte, name string, kind types.SensorType, unit types.SensorUnitType, m int16) *types.SDRFull {
		f := &types.SDRFull{
			GeneratorID: types.GeneratorID(types.BMC_SA), SensorNumber: types.SensorNumber(number), SensorType: kind,
			SensorEventReadingType: types.EventReadingTypeThreshold,
			SensorUnit:             types.SensorUnit{BaseUnit: unit},
			ReadingFactors:         types.ReadingFactors{M: m},
			IDStringTypeLength:     ascii(name), IDStringBytes: []byte(name),
			UNC_Raw: 80, UCR_Raw: 90, UNR_Raw: 100, LNC_Raw: 5, LCR_Raw: 3, LNR_Raw: 1,
		}
		for _, t := range []*types.Mask_Threshold{
			&f.Mask.Threshold.LNC, &f.Mask.Threshold.LCR, &f.Mask.Threshold.LNR,
			&f.Mask.Threshold.UNC, &f.Mask.Threshold.UCR, &f.Mask.Threshold.UNR,
		} {
			t.Readable = true
		}
		return f
	}
	const psu = "PSU 1"
	return map[uint16][]byte{
		1: full(1, "CPU temperature", types.SensorTypeTemperature, types.SensorUnitType_DegreesC, 1).Pack(1),
		2: full(2, "Fan 1", types.SensorTypeFan, types.SensorUnitType_RPM, 100).Pack(2),
		3: (&types.SDRCompact{
			GeneratorID: types.GeneratorID(types.BMC_SA), SensorNumber: 3, SensorType: types.SensorTypePowerSupply,
			SensorEventReadingType: types.EventReadingTypeSensorSpecific,
			SensorUnit:             types.SensorUnit{AnalogDataFormat: types.SensorAnalogUnitFormat_NotAnalog},
			IDStringTypeLength:     ascii(psu), IDStringBytes: []byte(psu),
		}).Pack(3),
		4: (&types.SDRFRUDeviceLocator{
			DeviceAccessAddress: types.BMC_SA, FRUDeviceID_SlaveAddress: 1, IsLogicalFRUDevice: true,
			DeviceIDTypeLength: ascii(psu), DeviceIDBytes: []byte(psu),
		}).Pack(4),
	}
}

// Inventories are the FRU data of the same box: its own, and that of the power supply.
func Inventories() map[uint8][]byte {
	pack := func(c types.FRUPackConfig) []byte {
		data, err := types.PackFRU(c)
		if err != nil {
			panic(err)
		}
		return data
	}
	return map[uint8][]byte{
		0: pack(types.FRUPackConfig{
			Chassis: &types.FRUPackChassis{Serial: "CH-1"},
			Board:   &types.FRUPackBoard{MfgDate: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Mfg: "Boardmaker", Product: "X1-BOARD", Serial: "BO-1"},
			Product: &types.FRUPackProduct{Manufacturer: "Boxmaker", Name: "Box 2000", Serial: "SN-0815"},
		}),
		1: pack(types.FRUPackConfig{Product: &types.FRUPackProduct{Manufacturer: "Powermaker", Name: "P-750", Serial: "PS-1"}}),
	}
}

// Fill gives a BMC the records and inventories of the made-up box.
func (b *BMC) Fill(t testing.TB) {
	t.Helper()
	storage := b.State.HAL().Storage()
	for id, data := range Records() {
		if err := storage.SDR().Write(context.Background(), id, data); err != nil {
			t.Fatal(err)
		}
	}
	for id, data := range Inventories() {
		if err := storage.FRU().Write(context.Background(), id, data); err != nil {
			t.Fatal(err)
		}
	}
}
