package ipmi

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"
)

// Clock asks for the time of the event log (IPMI 2.0 §31.10), which is the BMC's.
func (s *session) Clock(ctx context.Context) (time.Time, error) {
	answer, err := s.ask(ctx, types.CommandGetSELTime)
	if err != nil {
		return time.Time{}, err
	}
	if len(answer) < 4 {
		return time.Time{}, short(types.CommandGetSELTime, answer, 4)
	}
	return s.timeOf(ctx, binary.LittleEndian.Uint32(answer)), nil
}

// timeOf is a timestamp of the event log: seconds since 1970, in the BMC's local time where
// it says how far that is from UTC (§31.11a). It is zero for one that counts from the BMC's
// start, because the clock wasn't set (§37.1).
func (s *session) timeOf(ctx context.Context, seconds uint32) time.Time {
	if seconds < 0x20000000 || seconds == 0xffffffff {
		return time.Time{}
	}
	if s.offset == nil {
		var offset time.Duration
		answer, err := s.ask(ctx, types.CommandGetSELTimeUTCOffset)
		if err == nil && len(answer) >= 2 {
			if minutes := int16(binary.LittleEndian.Uint16(answer)); minutes >= -1440 && minutes <= 1440 {
				offset = time.Duration(minutes) * time.Minute
			}
		}
		s.offset = &offset
	}
	return time.Unix(int64(seconds), 0).UTC().Add(-*s.offset)
}
