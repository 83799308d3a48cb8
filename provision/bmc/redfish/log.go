package redfish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rackhand/provision/bmc"
)

// A logService is what is needed of a LogService.
type logService struct {
	path, entries link

	Entries            link
	MaxNumberOfRecords number
	OverWritePolicy    string
	Actions            struct {
		Clear struct {
			Target link     `json:"target"`
			Types  []string `json:"ClearType@Redfish.AllowableValues"`
		} `json:"#LogService.ClearLog"`
	}
}

// An entry is what is needed of a LogEntry.
type entry struct {
	Self       link   `json:"@odata.id"`
	ID         string `json:"Id"`
	Created    string
	Timestamp  string `json:"EventTimestamp"`
	Severity   string
	Message    string
	MessageID  string `json:"MessageId"`
	SensorType string
	EntryCode  string
	Args       []string `json:"MessageArgs"`
}

const (
	maxLogServices = 16
	maxEntries     = 5000
	maxEntryReads  = 100 // where a collection holds only links
	maxRecords     = 1_000_000
)

// preference says which log is the box's event log: the lower the better, negative for logs
// about something else (audit, journal of the BMC, console).
func preference(id string) int {
	for rank, names := range [][]string{{"sel", "systemeventlog"}, {"iml"}, {"log1", "log"}, {"eventlog", "event"}} {
		if slices.Contains(names, strings.ToLower(id)) {
			return rank
		}
	}
	return -1
}

// eventLog finds the box's event log: below the system, the manager or the chassis.
func (s *session) eventLog(ctx context.Context) (*logService, error) {
	var best *logService
	bestRank := 0
	for _, at := range s.logPlaces(ctx) {
		all, err := s.members(ctx, at, maxLogServices)
		if errors.Is(err, bmc.ErrUnsupported) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, m := range all {
			rank := preference(last(string(m)))
			if rank < 0 || best != nil && rank >= bestRank {
				continue
			}
			l := &logService{path: m}
			if _, err := s.get(ctx, m, l); err != nil {
				if errors.Is(err, bmc.ErrUnsupported) {
					continue
				}
				return nil, err
			}
			if l.entries = l.Entries; l.entries == "" {
				l.entries = link(strings.TrimRight(string(m), "/") + "/Entries")
			}
			best, bestRank = l, rank
		}
		if best != nil && bestRank == 0 {
			break
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w: it has no event log", bmc.ErrUnsupported)
	}
	return best, nil
}

// logPlaces are the collections of logs, each at most once.
func (s *session) logPlaces(ctx context.Context) []link {
	var places []link
	add := func(at link) {
		if at != "" && !slices.Contains(places, at) {
			places = append(places, at)
		}
	}
	sys, err := s.system(ctx)
	if err == nil {
		add(sys.LogServices)
	}
	if m, err := s.manager(ctx); err == nil {
		add(m.LogServices)
	}
	if sys == nil {
		return places
	}
	for _, at := range sys.Links.Chassis[:min(len(sys.Links.Chassis), maxManagers)] {
		var c chassis
		if _, err := s.get(ctx, at, &c); err == nil {
			add(c.LogServices)
		}
	}
	return places
}

// Log implements bmc.Session. Services sort their logs either way, so it is read whole, in
// bounds, and sorted here.
func (s *session) Log(ctx context.Context, most int) ([]bmc.LogEntry, error) {
	l, err := s.eventLog(ctx)
	if err != nil {
		return nil, err
	}
	var all []entry
	path := l.entries
	for page := 0; path != "" && page < maxPages && len(all) < maxEntries; page++ {
		var c struct {
			Members []entry
			Next    link `json:"Members@odata.nextLink"`
		}
		if _, err := s.get(ctx, path, &c); err != nil {
			return nil, err
		}
		all = append(all, c.Members...)
		path = c.Next
	}
	all = slices.DeleteFunc(all, func(e entry) bool { return e.Self == "" && e.ID == "" && e.Message == "" })
	if all, err = s.whole(ctx, all, most); err != nil {
		return nil, err
	}
	out := make([]bmc.LogEntry, 0, len(all))
	for _, e := range all {
		out = append(out, e.entry())
	}
	slices.SortStableFunc(out, older)
	return out[max(0, len(out)-most):], nil
}

// whole reads the latest entries of a log that lists only links to them, by their numbers.
func (s *session) whole(ctx context.Context, all []entry, most int) ([]entry, error) {
	if !slices.ContainsFunc(all, func(e entry) bool { return e.ID == "" && e.Message == "" }) {
		return all, nil
	}
	slices.SortStableFunc(all, func(a, b entry) int { return byNumber(last(string(a.Self)), last(string(b.Self))) })
	all = all[max(0, len(all)-min(most, maxEntryReads)):]
	var out []entry
	for _, e := range all {
		if e.ID == "" && e.Message == "" {
			if _, err := s.get(ctx, e.Self, &e); errors.Is(err, bmc.ErrUnsupported) {
				continue // cleared in the meantime
			} else if err != nil {
				return nil, err
			}
		}
		out = append(out, e)
	}
	return out, nil
}

// older sorts by time; entries without one, or of the same second, by their numbers.
func older(a, b bmc.LogEntry) int {
	if !a.At.IsZero() && !b.At.IsZero() {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
	}
	return byNumber(a.ID, b.ID)
}

func byNumber(a, b string) int {
	x, xerr := strconv.Atoi(a)
	y, yerr := strconv.Atoi(b)
	if xerr != nil || yerr != nil {
		return cmp.Compare(a, b)
	}
	return cmp.Compare(x, y)
}

func (e entry) entry() bmc.LogEntry {
	at := parseTime(e.Created)
	if at.IsZero() {
		at = parseTime(e.Timestamp)
	}
	if at.Before(time.Unix(86400, 0)) { // 1970: the BMC had no clock
		at = time.Time{}
	}
	text := clean(e.Message, longText)
	if text == "" {
		text = clean(strings.TrimSpace(e.MessageID+" "+strings.Join(e.Args, " ")), longText)
	}
	id := e.ID
	if id == "" {
		id = last(string(e.Self))
	}
	return bmc.LogEntry{
		ID: clean(id, shortText), At: at, Sensor: clean(e.SensorType, shortText), Text: text,
		Health: healthOf(e.Severity), Progress: progressOf(e.SensorType, text),
	}
}

// progressOf is the stage of the boot that an entry reports. The texts are those of IPMI 2.0
// table 42-3 (sensor types 0Fh, 1Eh and 1Fh), as Redfish services pass them on.
func progressOf(sensor, text string) string {
	sensor, text = strings.ToLower(sensor), strings.ToLower(text)
	switch {
	case strings.Contains(text, "pxe boot completed"):
		return "pxe"
	case strings.Contains(text, "c: boot completed"), strings.Contains(text, "boot device: hard disk"):
		return "disk"
	case strings.Contains(text, "no bootable media"), strings.Contains(text, "pxe server not found"), strings.Contains(text, "invalid boot sector"):
		return "boot-failed"
	case strings.Contains(sensor, "firmware progress"):
		return "firmware"
	}
	return ""
}

// LogState implements bmc.Session.
func (s *session) LogState(ctx context.Context) (bmc.LogState, error) {
	l, err := s.eventLog(ctx)
	if err != nil {
		return bmc.LogState{}, err
	}
	var c collection
	if _, err := s.get(ctx, l.entries, &c); err != nil {
		return bmc.LogState{}, err
	}
	st := bmc.LogState{Entries: len(c.Members), Percent: -1}
	if c.Count.known && c.Count.value >= 0 && c.Count.value < maxRecords {
		st.Entries = int(c.Count.value)
	}
	// Intel's BMC has room for 1,869,181,520 records, it says.
	if room := l.MaxNumberOfRecords; room.known && room.value >= 1 && room.value < maxRecords {
		st.Percent = min(100, st.Entries*100/int(room.value))
		st.Full = st.Percent == 100 && l.OverWritePolicy != "WrapsWhenFull"
	}
	return st, nil
}

// ClearLog implements bmc.Session.
func (s *session) ClearLog(ctx context.Context) error {
	l, err := s.eventLog(ctx)
	if err != nil {
		return err
	}
	clear := l.Actions.Clear
	if clear.Target == "" {
		return fmt.Errorf("%w: its event log can't be cleared", bmc.ErrUnsupported)
	}
	body := map[string]string{}
	if slices.Contains(clear.Types, "ClearAll") {
		body["ClearType"] = "ClearAll"
	}
	return s.post(ctx, clear.Target, body)
}
