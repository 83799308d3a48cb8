package redfish

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/provision/bmc"
)

// TestPower: the reset type that is sent for a command, and what a refusal means in the state
// that the box is in.
func TestPower(t *testing.T) {
	const action = "POST /redfish/v1/Systems/1/Reset"
	with := func(system string) documents { return documents{at + "/Systems/1": system} }
	state := func(power, types string) documents {
		return with(`{"PowerState":"` + power + `","Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/1/Reset","ResetType@Redfish.AllowableValues":[` + types + `]}}}`)
	}
	info := with(`{"PowerState":"On","Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/1/Reset","@Redfish.ActionInfo":"/redfish/v1/Systems/1/Info"}}}`)
	info[at+"/Systems/1/Info"] = `{"Parameters":[null,{"Name":"Other","AllowableValues":["PowerCycle"]},{"Name":"ResetType","AllowableValues":["ForceOff","On","Off"]}]}`
	for _, tt := range []struct {
		name string
		do   bmc.Command
		docs documents
		hook hook
		sent string // reset type; "" for nothing
		is   error
		says string
	}{
		{"on", bmc.PowerOn, state("Off", `"On"`), nil, "On", nil, ""},
		{"on, by its other name", bmc.PowerOn, state("Off", `"ForceOn"`), nil, "ForceOn", nil, ""},
		{"off", bmc.PowerOff, nil, nil, "ForceOff", nil, ""},
		{"a button is no off", bmc.PowerOff, state("On", `"On","PushPowerButton"`), nil, "", bmc.ErrUnsupported, "it has no ForceOff, only On, PushPowerButton"},
		{"cycle", bmc.PowerCycle, state("On", `"On","PowerCycle"`), nil, "PowerCycle", nil, ""},
		{"no cycle (iLO)", bmc.PowerCycle, nil, nil, "", bmc.ErrUnsupported, "it has no PowerCycle"},
		{"reset", bmc.Reset, nil, nil, "ForceRestart", nil, ""},
		{"soft", bmc.SoftOff, nil, nil, "GracefulShutdown", nil, ""},
		{"nmi", bmc.NMI, nil, nil, "Nmi", nil, ""},
		{"types in the action's description", bmc.PowerOff, info, nil, "ForceOff", nil, ""},
		{"no reset in the action's description (Cray)", bmc.Reset, info, nil, "", bmc.ErrUnsupported, "only ForceOff, On, Off"},
		{"it doesn't say which types", bmc.PowerCycle, state("On", ""), nil, "PowerCycle", nil, ""},
		{"a description that isn't there", bmc.PowerCycle, info.with(documents{at + "/Systems/1/Info": ""}), nil, "PowerCycle", nil, ""},
		{"no action (HGX)", bmc.PowerOff, with(`{"PowerState":"On"}`), nil, "", bmc.ErrUnsupported, "no power control"},
		{"already on (iDRAC)", bmc.PowerOn, nil, on(action, 409, nil, says("IDRAC.2.8.PSU501", "Server is already powered ON.")), "On", nil, ""},
		{"already off", bmc.PowerOff, state("Off", ""), on(action, 400, nil, ""), "ForceOff", nil, ""},
		{"on soon after off (iDRAC 10)", bmc.PowerOn, state("Off", ""), on(action, 409, http.Header{"Retry-After": {"999"}}, ""), "On", bmc.ErrNotReady, "409 Conflict"},
		{"already going on", bmc.PowerOn, state("PoweringOn", ""), on(action, 409, nil, ""), "On", bmc.ErrNotReady, ""},
		{"cycle of what is off", bmc.PowerCycle, state("Off", `"PowerCycle"`), on(action, 409, nil, ""), "PowerCycle", bmc.ErrState, "the box is off"},
		{"in its self-test (iLO)", bmc.Reset, nil, on(action, 400, nil, says("iLO.2.14.UnableToModifyDuringSystemPOST", "")), "ForceRestart", bmc.ErrNotReady, "POST"},
		{"refused", bmc.Reset, nil, on(action, 400, nil, says("Base.1.0.ActionParameterNotSupported", "no")), "ForceRestart", bmc.ErrRefused, "ActionParameterNotSupported: no"},
		{"too little privilege", bmc.PowerOff, nil, on(action, 403, nil, ""), "ForceOff", bmc.ErrPrivilege, "Operator"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, target := newFake(t, plain().with(tt.docs).get)
			f.hook = tt.hook
			err := login(t, target).Power(t.Context(), tt.do)
			if !errors.Is(err, tt.is) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v with %q", err, tt.is, tt.says)
			}
			var want []string
			if tt.sent != "" {
				want = []string{action + ` {"ResetType":"` + tt.sent + `"}`}
			}
			if sent := f.sent(); !slices.Equal(sent, want) {
				t.Errorf("sent %q, want %q", sent, want)
			}
			if e := (*bmc.Error)(nil); errors.As(err, &e) && e.RetryAfter > time.Minute {
				t.Errorf("asks to wait %s", e.RetryAfter)
			}
		})
	}
}

// TestSystems: the host's system is never guessed.
func TestSystems(t *testing.T) {
	two := documents{
		at + "/Systems":   `{"Members":[{"@odata.id":"/redfish/v1/Systems/B"},{"@odata.id":"/redfish/v1/Systems/A"}]}`,
		at + "/Systems/A": `{"Id":"Node-A","Model":"C-1","PowerState":"On"}`,
		at + "/Systems/B": `{"Id":"Node-B","Manufacturer":"Contoso","Model":"Contoso C-2","SerialNumber":"S2","PowerState":"Off"}`,
	}
	for _, tt := range []struct{ name, system, says string }{
		{"none given", "", "there are 2: B (Contoso C-2, S2), A (C-1)"},
		{"by its path", "A", ""},
		{"by its id", "Node-A", ""},
		{"another", "C", `there is no system "C" behind it, but B (Contoso C-2, S2), A (C-1)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, target := newFake(t, plain().with(two).get)
			target.System = tt.system
			st, err := login(t, target).Status(t.Context())
			if tt.says == "" && (err != nil || !st.On) || tt.says != "" && (!errors.Is(err, bmc.ErrSystem) || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("got %+v, %v", st, err)
			}
		})
	}
}

// TestPowerStates: what PowerState means.
func TestPowerStates(t *testing.T) {
	for state, want := range map[string]bmc.Status{
		"On": {On: true}, "Off": {}, "PoweringOn": {Changing: true}, "PoweringOff": {On: true, Changing: true}, "Paused": {On: true},
	} {
		if got, err := (&system{PowerState: state}).status(); err != nil || got != want {
			t.Errorf("%s: %+v, %v", state, got, err)
		}
	}
}
