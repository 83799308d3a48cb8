package boots

import (
	"sync"
	"time"

	"rackhand/inventory"
)

const (
	// bootGap is how long a card may be silent within one boot. Firmware waits 32 s between
	// two DISCOVERs, and RFC 2131 section 4.1 has clients wait 64 s.
	bootGap = 2 * time.Minute
	// A card that doesn't take an address is reported after this many offers over this
	// time: the fourth DISCOVER of PXE firmware, which it sends after 0, 4, 12 and 28 s.
	untakenOffers = 3
	untakenFor    = 15 * time.Second
	reportEvery   = time.Minute
	// beginsMost bounds the reported boots of a card within reportEvery. Firmware that goes
	// through its boot order again and again takes about 15 s for each round.
	beginsMost = 6
	// cardsMost bounds the remembered cards: more than the inventory's hosts have. The one
	// that was heard longest ago is forgotten.
	cardsMost = 4096
)

// A Discover is the part of a DISCOVER, and of what it led to, that a Tally needs.
type Discover struct {
	// Firmware: the card's firmware asks. Otherwise it is a boot program or a system.
	Firmware bool
	// Offered: the card is offered an address, or where we are a proxy, its boot options.
	Offered bool
	// Expected is since when the host is expected to boot; zero when it isn't. A boot that
	// began before is over: the box was powered on again.
	Expected time.Time
}

// A Report says why a DISCOVER is worth an event.
type Report int

// The reports.
const (
	Nothing Report = iota
	Begins         // firmware begins a boot
	Untaken        // the card was offered an address again and again and has not asked for it
)

// A Tally counts the DISCOVERs of each boot of the inventory's cards. A boot ends when the
// card asks for an address that it was offered, when it is silent for bootGap, or when its
// host is powered on again. Its methods are safe for concurrent use.
type Tally struct {
	mu    sync.Mutex
	cards map[inventory.MAC]*card
}

type card struct {
	heard    time.Time // its latest DISCOVER or REQUEST
	began    time.Time
	firmware bool
	tries    int
	offers   int
	offered  time.Time // the first offer
	over     bool      // it has sent a REQUEST

	reported      time.Time // the latest report Untaken
	begins        int       // reports Begins since beginsCounted
	beginsCounted time.Time
}

// NewTally makes a Tally that knows no card.
func NewTally() *Tally { return &Tally{cards: map[inventory.MAC]*card{}} }

// Discover counts a DISCOVER of a card. It returns whether to report it, and the number of
// DISCOVERs in this boot.
func (t *Tally) Discover(mac inventory.MAC, d Discover, now time.Time) (Report, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.card(mac, now)
	begins := c.tries == 0 || c.over || c.firmware != d.Firmware || !within(c.heard, now, bootGap) || c.began.Before(d.Expected)
	if begins {
		c.began, c.firmware, c.tries, c.offers, c.over = now, d.Firmware, 0, 0, false
	}
	c.heard = now
	c.tries++
	if d.Offered {
		if c.offers == 0 {
			c.offered = now
		}
		c.offers++
	}
	switch {
	case begins && d.Firmware && c.mayBegin(now):
		return Begins, c.tries
	case d.Offered && c.offers >= untakenOffers && now.Sub(c.offered) >= untakenFor && !within(c.reported, now, reportEvery):
		c.reported = now
		return Untaken, c.tries
	}
	return Nothing, c.tries
}

// Request ends a card's boot: it asks for an address, ours or another server's.
func (t *Tally) Request(mac inventory.MAC, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.card(mac, now)
	c.heard, c.over = now, true
}

// HeardSince reports whether a card was heard at a time or later.
func (t *Tally) HeardSince(mac inventory.MAC, since time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.cards[mac]
	return c != nil && !c.heard.Before(since)
}

// card is a card's record, and makes it; the caller holds the lock.
func (t *Tally) card(mac inventory.MAC, now time.Time) *card {
	if c := t.cards[mac]; c != nil {
		return c
	}
	if len(t.cards) >= cardsMost {
		oldest, at := mac, now
		for m, c := range t.cards {
			if !c.heard.After(at) {
				oldest, at = m, c.heard
			}
		}
		delete(t.cards, oldest)
	}
	c := &card{}
	t.cards[mac] = c
	return c
}

// mayBegin reports whether one more boot may be reported.
func (c *card) mayBegin(now time.Time) bool {
	if !within(c.beginsCounted, now, reportEvery) {
		c.begins, c.beginsCounted = 0, now
	}
	c.begins++
	return c.begins <= beginsMost
}

// within reports whether at is less than d before now. A clock that was set back counts as
// a long time.
func within(at, now time.Time, d time.Duration) bool {
	age := now.Sub(at)
	return age >= 0 && age < d
}
