package ipmi

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

const (
	selSize   = 16     // bytes of an entry
	latest    = 0xffff // the id that stands for the last entry, and for "no further one"
	selMore   = 0xffff // free bytes: so many or more
	selWalk   = 10000  // entries at most, whatever a BMC says of its log
	clearing  = 60     // looks at a log that is being erased
	clearWait = 500 * time.Millisecond
)

// LogState implements bmc.Session (Get SEL Info, IPMI 2.0 §31.2).
func (s *session) LogState(ctx context.Context) (bmc.LogState, error) {
	answer, err := s.ask(ctx, types.CommandGetSELInfo)
	if err != nil {
		return bmc.LogState{}, err
	}
	if len(answer) < 5 {
		return bmc.LogState{}, short(types.CommandGetSELInfo, answer, 14)
	}
	return logState(answer), nil
}

func logState(answer []byte) bmc.LogState {
	const overflow = 1 << 7
	free := int(binary.LittleEndian.Uint16(answer[3:]))
	l := bmc.LogState{Entries: int(binary.LittleEndian.Uint16(answer[1:])), Percent: -1}
	l.Full = len(answer) >= 14 && answer[13]&overflow != 0 || free < selSize && l.Entries > 0
	if used := l.Entries * selSize; free < selMore && used+free > 0 {
		l.Percent = 100 * used / (used + free)
	}
	return l
}

// Log implements bmc.Session (Get SEL Entry, IPMI 2.0 §31.5). An entry names the next one
// only. So the walk begins where the latest would begin if the ids were consecutive, and at
// the first entry where the BMC doesn't have that one.
func (s *session) Log(ctx context.Context, most int) ([]bmc.LogEntry, error) {
	state, err := s.LogState(ctx)
	if err != nil || state.Entries == 0 || most <= 0 {
		return nil, err
	}
	from := uint16(0)
	if state.Entries > most {
		last, _, err := s.entry(ctx, latest)
		if err != nil {
			return nil, err
		}
		if id := binary.LittleEndian.Uint16(last); int(id) > most {
			from = id - uint16(most) + 1
		}
	}
	raw, err := s.walk(ctx, from, most)
	if from != 0 && (isCode(err, types.CodeRequestedDataNotPresent) || err == nil && len(raw) < most) {
		raw, err = s.walk(ctx, 0, most)
	}
	if err != nil {
		return nil, err
	}
	return s.entries(ctx, raw), nil
}

// walk reads the log from an entry to the end, and keeps the latest.
func (s *session) walk(ctx context.Context, id uint16, most int) (all [][]byte, err error) {
	seen := map[uint16]bool{}
	for !seen[id] && len(seen) < selWalk {
		entry, next, err := s.entry(ctx, id)
		if isCode(err, types.CodeRequestedDataNotPresent) && len(all) > 0 {
			break // erased meanwhile
		}
		if err != nil {
			return nil, err
		}
		seen[id], seen[binary.LittleEndian.Uint16(entry)] = true, true // id 0 stands for the first
		if all = append(all, entry); len(all) > most {
			all = all[1:]
		}
		if next == latest {
			break
		}
		id = next
	}
	return all, nil
}

func (s *session) entry(ctx context.Context, id uint16) (entry []byte, next uint16, err error) {
	cmd := types.CommandGetSELEntry
	// Reservation 0: the whole entry is read at once.
	answer, err := s.ask(ctx, cmd, 0, 0, byte(id), byte(id>>8), 0, 0xff)
	if err != nil {
		return nil, 0, err
	}
	if len(answer) < 2+selSize {
		return nil, 0, short(cmd, answer, 2+selSize)
	}
	return answer[2 : 2+selSize], binary.LittleEndian.Uint16(answer), nil
}

// entries decodes what was read, with the names of the sensors where an entry tells about one.
func (s *session) entries(ctx context.Context, raw [][]byte) (all []bmc.LogEntry) {
	for _, r := range raw {
		if e, ok := s.decode(ctx, r); ok {
			all = append(all, e)
		}
	}
	return all
}

func (s *session) decode(ctx context.Context, raw []byte) (e bmc.LogEntry, ok bool) {
	safely(func() {
		sel, err := types.ParseSEL(raw)
		if err != nil {
			return
		}
		e, ok = logEntry(sel, raw)
		if sel.RecordType.Range() == types.SELRecordTypeRangeNonTimestampedOEM {
			return
		}
		e.At = s.timeOf(ctx, binary.LittleEndian.Uint32(raw[3:]))
		if sel.Standard != nil && byte(sel.Standard.GeneratorID) == types.BMC_SA {
			if name := s.sensorName(ctx, byte(sel.Standard.SensorNumber)); name != "" {
				e.Sensor = name
			}
		}
	})
	return e, ok
}

// sensorName reads the records for it once, which takes some BMCs seconds. They are kept with
// what is remembered of the BMC.
func (s *session) sensorName(ctx context.Context, number byte) string {
	if s.memory.Sensors == nil {
		within, cancel := context.WithTimeout(ctx, partsLimit)
		defer cancel()
		names := map[byte]string{}
		s.memory.Sensors = names
		records, err := s.records(within)
		if err != nil {
			s.log.Debug("no names of the sensors", "error", err)
		}
		for _, d := range describe(records) {
			names[d.number] = d.name
		}
	}
	return s.memory.Sensors[number]
}

// ClearLog implements bmc.Session (Clear SEL, IPMI 2.0 §31.9). It returns when the BMC has
// erased the log.
func (s *session) ClearLog(ctx context.Context) error {
	const initiate, look, done = 0xaa, 0, 1
	action := byte(initiate)
	var reservation []byte
	for range clearing {
		var err error
		if reservation == nil {
			if reservation, err = s.ask(ctx, types.CommandReserveSEL); err != nil {
				return err
			}
			if len(reservation) < 2 {
				return short(types.CommandReserveSEL, reservation, 2)
			}
		}
		answer, err := s.ask(ctx, types.CommandClearSEL, reservation[0], reservation[1], 'C', 'L', 'R', action)
		switch {
		case isCode(err, types.CodeReservationCanceled):
			reservation = nil // an entry came in between: begin again
			continue
		case isCode(err, types.CodeSELEraseInProgress):
		case err != nil:
			return err
		case len(answer) == 0 || answer[0]&0x0f == done:
			return nil
		default:
			action = look
		}
		if err := s.driver.sleep(ctx, clearWait); err != nil {
			return s.named(err)
		}
	}
	return &bmc.Error{Kind: bmc.ErrRefused, Err: cause{fmt.Sprintf("it is still erasing its log after %s", clearing*clearWait), nil}}
}
