package journal

import (
	"fmt"
	"maps"

	"rackhand/provision"
)

// underWay makes an error ErrUnderWay to errors.Is and adds no text.
type underWay struct{}

func (underWay) Error() string        { return "" }
func (underWay) Is(target error) bool { return target == ErrUnderWay }

func jobKey(host string, n int) string { return fmt.Sprintf("%s%s/%06d", jobPrefix, host, n) }

// Job returns the latest rescue, wipe or burn-in of a host.
func (j *Journal) Job(host string) (provision.Install, bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	in, ok := j.state.jobs[host]
	return in, ok
}

// Jobs returns the latest rescue, wipe or burn-in of every host that had one.
func (j *Journal) Jobs() map[string]provision.Install {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return maps.Clone(j.state.jobs)
}

// Current is the install or job of a host's next network boot: the job while one is under
// way, otherwise the latest install in any state.
func (j *Journal) Current(host string) (provision.Install, bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.state.current(host, "")
}

// current is the install or job with this id; without one, the job that is under
// way, or else the latest install. At most one of the two is under way.
func (s *state) current(host, id string) (provision.Install, bool) {
	job, ok := s.jobs[host]
	if ok && (id == job.ID || id == "" && !job.Stage.Ended()) {
		return job, true
	}
	in, ok := s.installs[host]
	return in, ok && (id == "" || id == in.ID)
}

// serves reports whether an installed system that served is still there, after in has
// moved. It is gone once another system overwrites it, or a wipe begins.
func serves(before bool, in provision.Install) bool {
	switch {
	case in.Job == provision.JobWipe && in.Stage.Rank() >= provision.Installer.Rank():
		return false
	case in.Job != provision.NoJob:
		return before
	case in.Stage == provision.Serving:
		return true
	case in.Stage.Rank() >= provision.Packages.Rank():
		return false
	}
	return before
}

// Serves reports whether a host serves, as far as is known: its last install came so
// far, or one before it did that nothing has been written over since.
func (j *Journal) Serves(host string) bool {
	j.mu.RLock()
	defer j.mu.RUnlock()
	in, ok := j.state.installs[host]
	var job *provision.Install
	if last, ok := j.state.jobs[host]; ok {
		job = &last
	}
	return j.state.hosts[host].Serves || ok && in.Stage == provision.Serving && !provision.Wiped(&in, job)
}
