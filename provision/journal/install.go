package journal

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"rackhand/provision"
)

// Errors that callers tell apart.
var (
	ErrUnderWay = errors.New("an install of this host is under way: cancel it first")
	ErrNoArm    = errors.New("no install is armed")
	ErrNotFirst = errors.New("this box was installed before: a box is armed automatically only once")
	ErrToken    = errors.New("the token is not valid")
	ErrTooMany  = errors.New("the installer has reported too much")
)

// Limits for one install's installer in the journal: events, and bytes of their texts.
// Anaconda's own take some 100 KB.
const (
	maxInstallerEvents = 5000
	maxInstallerBytes  = 2 << 20
)

// A Request holds the parameters of an install to arm.
type Request struct {
	Host, System string
	MACs         []string
	Wipe         bool
	Power        provision.PowerPlan
	Budget       provision.Budget
	Expires      time.Duration // how long it stays armed
	Source       string        // operator or dhcp: who asked
	Why          string        // the event's message
	Job          provision.Job // the requested job, unless it is an install
	Order        provision.Order
	FirstOnly    bool // only a host that was never installed (policy first-boot)
}

// Arm begins an install. ErrUnderWay when one is under way already.
func (j *Journal) Arm(r Request) (provision.Install, error) {
	var made provision.Install
	err := j.do(func(v *view) error {
		if in, ok := v.current(r.Host, ""); ok && !in.Stage.Ended() {
			if err := v.giveWay(in, r); err != nil {
				return err
			}
		}
		before := v.installedBefore(r)
		if r.FirstOnly && before {
			if h := v.hosts[r.Host]; h.Before {
				return fmt.Errorf("it was in the inventory when the database was lost, so it may be installed already: `rackhand install %s` arms it%w", r.Host, notFirst{})
			}
			return ErrNotFirst
		}
		h := v.hosts[r.Host]
		h.Host, h.MACs = r.Host, r.MACs
		id := ""
		if r.Job == provision.NoJob {
			h.Installs++
			id = fmt.Sprintf("%s-%d", r.Host, h.Installs)
		} else {
			h.Jobs++
			id = fmt.Sprintf("%s-%s-%d", r.Host, r.Job, h.Jobs)
		}
		v.hosts[r.Host] = h
		made = provision.Install{
			ID: id, Host: r.Host, System: r.System, Job: r.Job, Order: r.Order,
			Armed: true, Wipe: r.Wipe, First: r.Job == provision.NoJob && !before, MACs: r.MACs, Budget: r.Budget, Power: r.Power,
			Requested: v.counted, Expires: v.counted.Add(r.Expires),
			Stage:   provision.Requested,
			Reached: map[provision.Stage]time.Time{provision.Requested: v.counted},
		}
		v.put(made)
		v.append(provision.Event{Host: r.Host, Install: made.ID, Source: r.Source, Kind: "armed", Stage: provision.Requested, Message: r.Why})
		return nil
	})
	return made, err
}

// giveWay ends an install for another one. It does so only if the first may be finished
// and the operator asks for a reinstall. An install or job under way otherwise stays.
func (v *view) giveWay(in provision.Install, r Request) error {
	switch {
	case in.Job != provision.NoJob:
		return fmt.Errorf("a %s of this host is under way: `rackhand cancel %s` ends it%w", in.Noun(), r.Host, underWay{})
	case in.Doubt == "" || r.Job != provision.NoJob || r.Source != "operator":
		return ErrUnderWay
	case !r.Wipe:
		return fmt.Errorf("%s may be installed already: %s: `rackhand install %s --wipe` reinstalls it and erases its disks, `rackhand cancel %s` keeps it as it is%w", r.Host, in.Doubt, r.Host, r.Host, underWay{})
	}
	v.append(provision.Event{
		Host: r.Host, Install: in.ID, Source: r.Source, Kind: "answered", Stage: provision.Cancelled,
		Message: "the operator has answered: the box is reinstalled, even if its disks carry data",
	})
	return nil
}

// installedBefore reports whether an install of a box was ever begun, or is armed, under
// this name or another: a host that is renamed in the inventory is the same box.
func (v *view) installedBefore(r Request) bool {
	for _, h := range v.hosts {
		if in, ok := v.installs[h.Host]; !h.Begun && !h.Before && (!ok || in.Stage.Ended()) {
			continue
		}
		if h.Host == r.Host || slices.ContainsFunc(h.MACs, func(m string) bool { return slices.Contains(r.MACs, m) }) {
			return true
		}
	}
	return false
}

// notFirst makes an error ErrNotFirst to errors.Is and adds no text.
type notFirst struct{}

func (notFirst) Error() string        { return "" }
func (notFirst) Is(target error) bool { return target == ErrNotFirst }

// Before marks hosts, with their MACs, as installed before this journal began.
func (j *Journal) Before(hosts map[string][]string) error {
	const atOnce = 10 // writes beside those of a whole batch: see maxBatch
	names := slices.Sorted(maps.Keys(hosts))
	for some := range slices.Chunk(names, atOnce) {
		err := j.do(func(v *view) error {
			for _, name := range some {
				h := v.hosts[name]
				h.Host, h.MACs, h.Before = name, hosts[name], true
				v.hosts[name] = h
				v.dirtyHosts[name] = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Update changes the install under way of a host and records an event with it,
// in one write. change sees the install as it is and returns it changed; an
// error leaves everything as it was. The event is applied after the change.
func (j *Journal) Update(host, id string, change func(provision.Install) (provision.Install, provision.Event, error)) (provision.Install, error) {
	var after provision.Install
	err := j.do(func(v *view) error {
		in, ok := v.current(host, id)
		if !ok || in.Stage.Ended() {
			return ErrNoArm
		}
		in, e, err := change(in)
		if err != nil {
			return err
		}
		v.put(in)
		if e.Kind != "" {
			e.Host, e.Install = host, in.ID
			v.append(e)
		}
		after, _ = v.current(host, in.ID)
		return nil
	})
	return after, err
}

// BeginAttempt counts an attempt and mints the one-time token that goes into the
// script, which was asked for over TCP; the token of an earlier attempt is worth nothing
// from then on.
func (j *Journal) BeginAttempt(host string, random io.Reader) (in provision.Install, token string, err error) {
	return j.mint(host, random, func(in provision.Install, hash string) (provision.Install, provision.Event) {
		in = in.Attempt(hash, j.Counted(), j.clock())
		return in, attempt(in, provision.Script, "the boot script was handed out")
	})
}

// Offer mints a token for a script that goes out by TFTP. Nothing changes before it is
// used: see Use.
func (j *Journal) Offer(host string, random io.Reader) (in provision.Install, token string, err error) {
	return j.mint(host, random, func(in provision.Install, hash string) (provision.Install, provision.Event) {
		return in.Offer(hash), provision.Event{
			Source: "tftp", Kind: provision.KindScript, Stage: provision.Script,
			Message: "the boot script went out by TFTP; an attempt begins when its installer comes over TCP",
		}
	})
}

func (j *Journal) mint(host string, random io.Reader, change func(in provision.Install, hash string) (provision.Install, provision.Event)) (in provision.Install, token string, err error) {
	token, hash, err := provision.NewToken(random)
	if err != nil {
		return in, "", err
	}
	in, err = j.Update(host, "", func(in provision.Install) (provision.Install, provision.Event, error) {
		if ok, why := in.MayHandOut(j.Counted()); !ok {
			return in, provision.Event{}, fmt.Errorf("%w: %s", ErrNoArm, why)
		}
		in, e := change(in, hash)
		return in, e, nil
	})
	return in, token, err
}

func attempt(in provision.Install, at provision.Stage, what string) provision.Event {
	return provision.Event{
		Source: "http", Kind: provision.KindAttempt, Stage: at,
		Message: fmt.Sprintf("%s, attempt %d of %d", what, in.Attempts, in.Budget.Attempts),
	}
}

// Use takes a token that came over TCP from an address that is leased to its host, and
// returns the install as it is then. The first use of one that was offered begins the
// attempt.
func (j *Journal) Use(in provision.Install, token, from string) (provision.Install, error) {
	hash := provision.HashToken(token)
	if provision.SameHash(in.Token, hash) && slices.Equal(in.Prove(from).From, in.From) {
		return in, nil // nothing to write
	}
	return j.Update(in.Host, in.ID, func(in provision.Install) (provision.Install, provision.Event, error) {
		switch {
		case provision.SameHash(in.Token, hash):
			return in.Prove(from), provision.Event{}, nil
		case !in.Offered(hash):
			return in, provision.Event{}, ErrToken
		}
		if ok, why := in.MayHandOut(j.Counted()); !ok {
			return in, provision.Event{}, fmt.Errorf("%w: %s", ErrNoArm, why)
		}
		in = in.Attempt(hash, j.Counted(), j.clock()).Prove(from)
		return in, attempt(in, provision.Kernel, "its installer came with the token of a script that went out by TFTP"), nil
	})
}

// ByToken finds the install under way that a token belongs to: the token of its attempt, or
// one that was offered.
func (j *Journal) ByToken(token string) (provision.Install, bool) {
	want := provision.HashToken(token)
	j.mu.RLock()
	defer j.mu.RUnlock()
	for _, all := range []map[string]provision.Install{j.state.installs, j.state.jobs} {
		for _, in := range all {
			if !in.Stage.Ended() && (provision.SameHash(in.Token, want) || in.Offered(want)) {
				return in, true
			}
		}
	}
	return provision.Install{}, false
}

// Answered records that the answer file goes out, with the hash of the enrolment
// token in it. That is allowed while the script's token is valid and the installer has
// not begun. in.Secrets are the secrets in the file. facts are the client's data about its
// box.
func (j *Journal) Answered(in provision.Install, enrol string, facts map[string]string) error {
	_, err := j.Update(in.Host, in.ID, func(now provision.Install) (provision.Install, provision.Event, error) {
		if now.Token != in.Token || now.TokenSpent || !now.Armed {
			return now, provision.Event{}, ErrToken
		}
		now.Enrol, now.Cards, now.Secrets = enrol, in.Cards, in.Secrets
		return now, provision.Event{Source: "http", Kind: "answer", Message: "the answer file was rendered and handed out", Fields: facts}, nil
	})
	return err
}

// Reported records what an installer says of its install.
func (j *Journal) Reported(in provision.Install, e provision.Event) error {
	_, err := j.Update(in.Host, in.ID, func(now provision.Install) (provision.Install, provision.Event, error) {
		if now.Token != in.Token {
			return now, e, ErrToken
		}
		before := now
		now = now.AfterReport(e, j.Counted(), j.clock())
		// The end of an install is accepted even when all other events are refused.
		e = now.Failing(e)
		// So are events that decide about the next attempt, once.
		news := now.Packed && !before.Packed || now.GaveUp && !before.GaveUp || e.Stage.Rank() > now.Stage.Rank() || e.Stage == provision.Failed || e.Stage == provision.Done
		now.Events++
		now.Bytes += size(e)
		if (now.Events > maxInstallerEvents || now.Bytes > maxInstallerBytes) && !news {
			return now, e, ErrTooMany
		}
		return now, e, nil
	})
	return err
}

// size is how many bytes an event says, as it is kept.
func size(e provision.Event) int {
	n := len(clip(e.Message, maxText))
	for k, v := range clipFields(e.Fields) {
		n += len(k) + len(v)
	}
	return n
}

// Agent records a report of a host's agent. It moves an install only from Enrolled on.
// Before the new system has enrolled, reports come from the old system. An agent has no
// part in a job.
func (j *Journal) Agent(host string, e provision.Event) error {
	return j.do(func(v *view) error {
		if in, ok := v.current(host, ""); ok && !in.Stage.Ended() && (in.Job != provision.NoJob || in.Stage.Rank() < provision.Enrolled.Rank()) {
			e.Stage = ""
		}
		e.Host = host
		v.append(e)
		return nil
	})
}

// AgentIs records an agent's state from its report, and events for its beginning and end.
func (j *Journal) AgentIs(host string, next provision.AgentState) error {
	return j.do(func(v *view) error {
		v.agentIs(host, next)
		return nil
	})
}

// AgentSilent records that a host's agent is silent, unless still denies it: a report may
// have come meanwhile.
func (j *Journal) AgentSilent(host string, still func() bool) error {
	return j.do(func(v *view) error {
		if next := v.hosts[host].Agent; still() {
			next.Silent = true
			v.agentIs(host, next)
		}
		return nil
	})
}

func (v *view) agentIs(host string, next provision.AgentState) {
	h := v.hosts[host]
	if h.Agent.Same(next) {
		return
	}
	for _, e := range h.Agent.Turns(next, v.now) {
		e.Host = host
		v.append(e)
	}
	h = v.hosts[host] // with these events
	h.Host, h.Agent = host, next
	v.hosts[host] = h
	v.dirtyHosts[host] = true
}

// Enrol accepts an enrolment token. The token must belong to the host's install, and the
// system must at least be written to disk (see provision.Install.MayEnrol). key is the hash
// of the client's public key. The first key that uses a token owns it.
func (j *Journal) Enrol(host, token, key string) error {
	return j.do(func(v *view) error {
		in, ok := v.current(host, "")
		if !ok || in.Stage.Ended() {
			return ErrNoArm
		}
		if !provision.SameHash(in.Enrol, provision.HashToken(token)) || !in.MayEnrol() ||
			in.EnrolKey != "" && !provision.SameHash(in.EnrolKey, key) {
			return ErrToken
		}
		in.EnrolKey, in.Doubt = key, ""
		v.put(in)
		if in.Stage.Rank() < provision.Installed.Rank() {
			v.append(provision.Event{
				Host: host, Install: in.ID, Source: "agent", Kind: "installed-unreported", Stage: provision.Installed, Level: provision.LevelWarn,
				Message: "the system is installed, though its installer's last report was lost: its agent runs, and holds this install's enrolment token",
			})
		}
		v.append(provision.Event{Host: host, Install: in.ID, Source: "agent", Kind: "enrolled", Stage: provision.Enrolled, Message: "the agent enrolled: it has a certificate of its own"})
		return nil
	})
}
