package ipmi

import "time"

// Bits of the fourth byte of an SOL packet, IPMI 2.0 table 15-2: the operation that the
// remote console wants, and the status of the BMC.
const (
	solBreak     = 0x10 // to the BMC
	solNack      = 0x40 // from the BMC: it didn't take all characters
	solEnding    = 0x10
	solOverrun   = 0x08
	solHeader    = 4
	solSequences = 15 // a number of 4 bits that is never 0
	// solMaxChars is what a packet can carry: the count of accepted characters is a byte.
	solMaxChars = 255
)

// How long an SOL session waits for what.
const (
	solResend    = 300 * time.Millisecond // for the first acknowledgement; doubles up to
	solResendMax = 2 * time.Second
	solTries     = 8
	solPause     = 100 * time.Millisecond // before characters that were refused are sent again
	solPauseMax  = time.Second
	solStale     = 10 * time.Second // until characters that the box doesn't take are dropped
	solProbe     = 20 * time.Second // between two commands that keep the session alive
	solProbeWait = 2 * time.Second
	solProbes    = 5 // without an answer
)

// A solState is the remote console's side of serial over LAN (IPMI 2.0 §15.9 to §15.11), as
// decisions alone: it takes packets and gives those to send. Each side has one packet under
// way until that is acknowledged. A packet that is repeated has the same number and, from
// some BMCs, more characters at its end.
type solState struct {
	most    int    // characters in a packet
	waiting []byte // typed, and not yet accepted by the BMC
	breaks  bool   // a break is wanted

	sent    []byte // the packet under way; nil: none
	seq     byte   // of the last packet
	tries   int
	sentAt  time.Time
	pause   time.Duration
	pauseTo time.Time // no characters are sent until then
	stuck   time.Time // since when the BMC accepts none; zero: it does

	heardSeq   byte // of the last packet with characters from the BMC; 0: none yet
	heardCount int
	heardIn    uint32 // the datagram that it came in

	heard   time.Time // any datagram
	probed  time.Time
	probes  int
	started bool
}

// A solEvent is what a packet brings.
type solEvent struct {
	chars []byte // that the box printed
	lost  bool   // the BMC dropped some before these
	ended bool
	ack   []byte // to send, nil for none
}

// receive takes an SOL packet. datagram is the number of the datagram that it came in,
// which the network can't change.
func (s *solState) receive(p []byte, datagram uint32, now time.Time) (e solEvent) {
	if len(p) < solHeader {
		return e
	}
	s.acknowledged(p[1]&0x0f, int(p[2]), p[3]&solNack != 0, now)
	e.lost = p[3]&solOverrun != 0
	e.ended = p[3]&solEnding != 0
	seq, chars := p[0]&0x0f, p[solHeader:]
	chars = chars[:min(len(chars), solMaxChars)]
	switch {
	case seq == 0:
		return e // it acknowledges, and no more
	case seq == s.heardSeq:
		// The acknowledgement was lost, or is late.
		e.chars = chars[min(len(chars), s.heardCount):]
		s.heardCount = max(s.heardCount, len(chars))
	case s.heardSeq != 0 && datagram < s.heardIn:
		return solEvent{ended: e.ended} // overtaken by its successor
	default:
		e.lost = e.lost || s.heardSeq != 0 && seq != following(s.heardSeq)
		e.chars = chars
		s.heardSeq, s.heardCount, s.heardIn = seq, len(chars), datagram
	}
	e.ack = []byte{0, seq, byte(s.heardCount), 0}
	return e
}

// acknowledged removes what the BMC has accepted of the packet under way.
func (s *solState) acknowledged(seq byte, count int, nack bool, now time.Time) {
	if s.sent == nil || seq == 0 || seq != s.seq {
		return
	}
	carried := len(s.sent) - solHeader
	count = min(count, carried)
	s.waiting = s.waiting[count:]
	s.sent = nil
	switch {
	case count == carried && !nack:
		s.pause, s.stuck = 0, time.Time{}
		return
	case count > 0:
		s.pause, s.stuck = solPause, time.Time{}
	default:
		s.pause = min(max(2*s.pause, solPause), solPauseMax)
		if s.stuck.IsZero() {
			s.stuck = now
		}
	}
	s.pauseTo = now.Add(s.pause)
}

// A solStep is what is to be done at a time.
type solStep struct {
	packet  []byte // to send, nil for none
	probe   bool   // send a command that keeps the session alive
	silent  bool   // the BMC doesn't answer any more
	dropped int    // typed characters that the box didn't take
	wake    time.Time
}

// step decides what is to be done now.
func (s *solState) step(now time.Time) (do solStep) {
	if !s.started {
		s.started, s.heard, s.probed = true, now, now
	}
	if !s.stuck.IsZero() && now.Sub(s.stuck) >= solStale && s.sent == nil {
		do.dropped = len(s.waiting)
		s.waiting, s.stuck = nil, time.Time{}
	}
	s.probeNow(now, &do)
	if s.sent != nil {
		if wait := resendAfter(s.tries); now.Sub(s.sentAt) >= wait {
			if s.tries >= solTries {
				do.silent = true
				return do
			}
			s.tries, s.sentAt, do.packet = s.tries+1, now, s.sent
		}
		do.wake = earlier(do.wake, s.sentAt.Add(resendAfter(s.tries)))
		return do
	}
	switch {
	case len(s.waiting) == 0 && !s.breaks:
		return do
	case now.Before(s.pauseTo):
		do.wake = earlier(do.wake, s.pauseTo)
		return do
	}
	s.seq = following(s.seq)
	s.sent = append([]byte{s.seq, 0, 0, 0}, s.waiting[:min(len(s.waiting), s.most)]...)
	if s.breaks {
		s.sent[3], s.breaks = solBreak, false
	}
	s.tries, s.sentAt, do.packet = 1, now, s.sent
	do.wake = earlier(do.wake, now.Add(resendAfter(1)))
	return do
}

// probeNow decides on the command that keeps the session alive, and shows that the BMC is.
func (s *solState) probeNow(now time.Time, do *solStep) {
	wait := solProbe
	if s.probes > 0 && s.heard.Before(s.probed) {
		wait = solProbeWait
	} else {
		s.probes = 0
	}
	if now.Sub(s.probed) >= wait {
		if s.probes >= solProbes {
			do.silent = true
		}
		s.probes++
		s.probed, do.probe, wait = now, true, solProbeWait
	}
	do.wake = s.probed.Add(wait)
}

func resendAfter(tries int) time.Duration {
	return min(solResend<<(min(tries, 8)-1), solResendMax)
}

func following(seq byte) byte { return seq%solSequences + 1 }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
