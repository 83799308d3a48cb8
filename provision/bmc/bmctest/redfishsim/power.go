package redfishsim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// A change is a power state that comes later.
type change struct {
	at     time.Time
	system string
	state  string
	boots  bool
}

// driven: the machine is behind the first system.
func (s *Service) driven(system string) bool {
	return s.opts.Machine != nil && system == s.tree.members(root + "/Systems")[0]
}

// settle carries out the changes whose time has come, and shows the machine as it is.
func (s *Service) settle() {
	for len(s.pending) > 0 && !s.pending[0].at.After(s.opts.Now()) {
		c := s.pending[0]
		s.pending = s.pending[1:]
		s.tree[c.system]["PowerState"] = c.state
		if c.boots {
			s.boot(c.system)
		}
	}
	for _, one := range s.tree.members(root + "/Systems") {
		if !s.driven(one) {
			continue
		}
		s.tree[one]["PowerState"] = map[bool]string{true: "On", false: "Off"}[s.opts.Machine.On()]
		if _, once, _ := s.override(one); once && s.opts.Machine.BootSpent() {
			s.spend(one)
		}
	}
}

// resetTypes are those that a system allows: beside the action, or in its ActionInfo.
func (s *Service) resetTypes(action map[string]any) []string {
	if types := words(action["ResetType@Redfish.AllowableValues"]); len(types) > 0 {
		return types
	}
	for _, v := range list(s.tree[s.actionInfo(action)]["Parameters"]) {
		if p, _ := v.(map[string]any); p["Name"] == "ResetType" {
			return words(p["AllowableValues"])
		}
	}
	return nil
}

func (s *Service) actionInfo(action map[string]any) string {
	p, _ := action["@Redfish.ActionInfo"].(string)
	return strings.TrimRight(p, "/")
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// dropResetType takes a reset type away.
func (s *Service) dropResetType(system, kind string) {
	action, _ := at(s.tree[system], "Actions", "#ComputerSystem.Reset").(map[string]any)
	without := func(v any) []any {
		return slices.DeleteFunc(slices.Clone(list(v)), func(x any) bool { return x == kind })
	}
	if name := "ResetType@Redfish.AllowableValues"; action[name] != nil {
		action[name] = without(action[name])
	}
	for _, v := range list(s.tree[s.actionInfo(action)]["Parameters"]) {
		if p, _ := v.(map[string]any); p["Name"] == "ResetType" {
			p["AllowableValues"] = without(p["AllowableValues"])
		}
	}
}

// reset is the action ComputerSystem.Reset.
func (s *Service) reset(system string, action, body map[string]any) answer {
	kind, _ := body["ResetType"].(string)
	allowed := s.resetTypes(action)
	on := s.tree[system]["PowerState"] == "On"
	needsOn := slices.Contains([]string{"ForceRestart", "GracefulRestart", "GracefulShutdown", "PowerCycle", "Nmi"}, kind)
	switch {
	case kind == "":
		return refuse(http.StatusBadRequest, "ActionParameterMissing", "The action ComputerSystem.Reset requires the parameter ResetType to be present in the request body.")
	case len(allowed) > 0 && !slices.Contains(allowed, kind): // some captured trees lack the ActionInfo
		return refuse(http.StatusBadRequest, "ActionParameterNotSupported", "The parameter ResetType with the value %s for the action ComputerSystem.Reset is not supported on the target resource.", kind)
	case s.lasting(InPOST):
		return refuse(http.StatusBadRequest, "iLO.2.14.UnableToModifyDuringSystemPOST", "Unable to do that while the system is in POST.")
	case needsOn && !on, s.faults[AlreadyOn] && (kind == "On" && on || kind == "ForceOff" && !on):
		state := map[bool]string{true: "ON", false: "OFF"}[on]
		return refuse(http.StatusConflict, "IDRAC.2.8.PSU501", "The server is already powered %s.", state)
	case kind == "On" && s.opts.Now().Before(s.until[string(Conflict)]):
		return refuse(http.StatusConflict, "ResourceInUse", "The change to the requested resource failed because the resource is in use or in transition.")
	case s.faults[SwallowsReset], s.faults[SwallowsCycle] && (kind == "PowerCycle" || kind == "ForceRestart"), s.faults[IgnoresSoftOff] && kind == "GracefulShutdown":
		return done()
	}
	if s.driven(system) {
		if err := s.opts.Machine.Reset(kind); err != nil {
			return refuse(http.StatusInternalServerError, "InternalError", "The machine: %v", err)
		}
		return done()
	}
	s.act(system, kind, on)
	if s.faults[DoneBut400] {
		return refuse(http.StatusBadRequest, "GeneralError", "A general error has occurred.")
	}
	return done()
}

// act changes the power of a box of memory.
func (s *Service) act(system, kind string, on bool) {
	if kind == "PushPowerButton" {
		kind = map[bool]string{true: "GracefulShutdown", false: "On"}[on]
	}
	to, boots := "On", true
	switch kind {
	case "On", "ForceOn":
		boots = !on
	case "ForceOff", "GracefulShutdown":
		to, boots = "Off", false
		if s.faults[Conflict] && on {
			s.hold(Conflict, s.opts.Lag)
		}
	case "Nmi":
		boots = false
	}
	lag := time.Duration(0)
	if s.faults[Lagging] {
		lag = s.opts.Lag
	}
	if kind == "PowerCycle" {
		// It is off for a moment, also to those who look.
		s.pending = append(s.pending, change{s.opts.Now().Add(lag), system, "Off", false})
		lag += time.Second
	}
	s.pending = append(s.pending, change{s.opts.Now().Add(lag), system, to, boots})
	slices.SortStableFunc(s.pending, func(a, b change) int { return a.at.Compare(b.at) })
	s.settle()
}
