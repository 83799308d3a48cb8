package ipmi

import (
	"context"
	"encoding/binary"

	"github.com/bougou/go-ipmi/pkg/types"
)

// Bounds of a repository of sensor data records (IPMI 2.0 §33).
const (
	mostRecords = 1000
	lastRecord  = 0xffff
	sdrHeader   = 5
	sdrChunk    = 32
	sdrAgain    = 5 // how often a cancelled reservation is renewed
)

// records reads the repository once in a session. A BMC without one has the records in the
// device itself (§35).
func (s *session) records(ctx context.Context) ([]*types.SDR, error) {
	if s.sdrs != nil {
		return s.sdrs, nil
	}
	r := sdrReader{s: s, reserve: types.CommandReserveSDRRepo, get: types.CommandGetSDR, chunk: sdrChunk}
	all, err := r.all(ctx)
	if err == nil && len(all) == 0 || err != nil && optional(err) {
		r.reserve, r.get = types.CommandReserveDeviceSDRRepo, types.CommandGetDeviceSDR
		device, failed := r.all(ctx)
		switch {
		case failed == nil:
			all, err = device, nil
		case err != nil:
			err = failed
		}
	}
	if err != nil {
		return nil, err
	}
	s.sdrs = all
	return all, nil
}

// An sdrReader reads records in parts, under a reservation.
type sdrReader struct {
	s            *session
	reserve, get types.Command
	reservation  [2]byte
	chunk        int
	renewed      int
}

func (r *sdrReader) all(ctx context.Context) ([]*types.SDR, error) {
	if err := r.renew(ctx); err != nil {
		return nil, err
	}
	var all []*types.SDR
	seen := map[uint16]bool{}
	for id := uint16(0); id != lastRecord && !seen[id] && len(seen) < mostRecords; {
		seen[id] = true
		data, next, err := r.record(ctx, id)
		if isCode(err, types.CodeRequestedDataNotPresent) && id == 0 {
			return nil, nil // it is empty
		}
		if err != nil {
			return nil, err
		}
		safely(func() {
			if sdr, err := types.ParseSDR(data, next); err == nil {
				all = append(all, sdr)
			}
		})
		id = next
	}
	return all, nil
}

func (r *sdrReader) renew(ctx context.Context) error {
	answer, err := r.s.ask(ctx, r.reserve)
	if err == nil && len(answer) < 2 {
		err = short(r.reserve, answer, 2)
	}
	if err == nil {
		copy(r.reservation[:], answer)
	}
	return err
}

// record reads one record: its header, which has the length, and then the rest.
func (r *sdrReader) record(ctx context.Context, id uint16) (data []byte, next uint16, err error) {
	size := sdrHeader
	for len(data) < size {
		n := min(r.chunk, size-len(data))
		answer, err := r.s.ask(ctx, r.get, r.reservation[0], r.reservation[1], byte(id), byte(id>>8), byte(len(data)), byte(n))
		switch {
		case isCode(err, types.CodeReservationCanceled) && r.renewed < sdrAgain:
			r.renewed++
			if err := r.renew(ctx); err != nil {
				return nil, 0, err
			}
			data, size = nil, sdrHeader
			continue
		case tooMany(err) && r.chunk > sdrHeader+3:
			r.chunk /= 2
			continue
		case err != nil:
			return nil, 0, err
		case len(answer) < 3:
			return nil, 0, short(r.get, answer, 2+n)
		}
		if len(data) == 0 {
			next = binary.LittleEndian.Uint16(answer)
		}
		data = append(data, answer[2:min(len(answer), 2+n)]...)
		if size == sdrHeader && len(data) >= sdrHeader {
			size += int(data[sdrHeader-1])
		}
	}
	return data, next, nil
}

// A described sensor is what a full or compact record says of one.
type described struct {
	number  byte
	lun     byte
	name    string
	kind    types.SensorType
	reading types.EventReadingType
	full    *types.SDRFull // nil for a sensor without a value
}

// describe finds the sensors of the BMC itself in the records. Those of other controllers
// (satellites, the Intel ME) need a bridge, and are left out.
func describe(records []*types.SDR) (all []described) {
	for _, r := range records {
		switch {
		case r.Full != nil && ofBMC(r.Full.GeneratorID):
			d := described{
				byte(r.Full.SensorNumber), lunOf(r.Full.GeneratorID), name(r.Full.IDStringTypeLength, r.Full.IDStringBytes),
				r.Full.SensorType, r.Full.SensorEventReadingType, r.Full,
			}
			if !r.Full.SensorUnit.IsAnalog() {
				d.full = nil
			}
			all = append(all, d)
		case r.Compact != nil && ofBMC(r.Compact.GeneratorID):
			c := r.Compact
			base := name(c.IDStringTypeLength, c.IDStringBytes)
			for i := range max(1, c.ShareCount) {
				d := described{byte(c.SensorNumber) + i, lunOf(c.GeneratorID), base, c.SensorType, c.SensorEventReadingType, nil}
				if c.ShareCount > 1 {
					d.name += shared(c, i)
				}
				all = append(all, d)
			}
		}
	}
	return all
}

// shared is what distinguishes the name of one of several sensors that share a record.
func shared(c *types.SDRCompact, i byte) string {
	n := int(c.IDStringInstanceModifierOffset) + int(i)
	if c.IDStringInstanceModifierType == 1 {
		return string(rune('A' + n%26))
	}
	return " " + itoa(n)
}

// Byte 6 and 7 of a record: the owner's address, 20h for the BMC, and its logical unit.
func ofBMC(g types.GeneratorID) bool { return byte(g) == types.BMC_SA }
func lunOf(g types.GeneratorID) byte { return byte(g>>8) & 3 }
