package report

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// RealClock is the machine's clock.
type RealClock struct{}

// Now is the time of day, with a monotonic reading.
func (RealClock) Now() time.Time { return time.Now() }

// Sleep waits, or returns the context's error.
func (RealClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Set sets the system's clock (settimeofday(2)).
func (RealClock) Set(t time.Time) error {
	tv := unix.NsecToTimeval(t.UnixNano())
	return unix.Settimeofday(&tv)
}

// SetHardware sets the first real-time clock that there is (rtc(4), RTC_SET_TIME).
func (RealClock) SetHardware(t time.Time) error {
	f, err := os.OpenFile("/dev/rtc0", os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("the box has no hardware clock that this kernel supports")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	t = t.UTC()
	return unix.IoctlSetRTCTime(int(f.Fd()), &unix.RTCTime{
		Sec: int32(t.Second()), Min: int32(t.Minute()), Hour: int32(t.Hour()),
		Mday: int32(t.Day()), Mon: int32(t.Month()) - 1, Year: int32(t.Year()) - 1900,
	})
}
