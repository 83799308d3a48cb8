package redfish

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rackhand/provision/bmc"
)

// A bootRow is an override to set at a system with this Boot object.
type bootRow struct {
	name     string
	boot     string // of the system
	settings string // the Boot of the Settings object; "" for no Settings object
	want     bmc.Boot
	quirks   bmc.Quirks
	hook     hook
	sent     []string // what goes into Boot, at System or "Settings: "
	is       error
	says     string
}

const (
	usual    = `"BootSourceOverrideEnabled":"Disabled","BootSourceOverrideTarget":"None","BootSourceOverrideMode":"UEFI","BootSourceOverrideTarget@Redfish.AllowableValues":["None","Pxe","Hdd","UefiHdd","UsbCd"]`
	noMode   = `"BootSourceOverrideEnabled":"Disabled","BootSourceOverrideTarget":"None","BootSourceOverrideTarget@Redfish.AllowableValues":["None","Pxe","Hdd"]`
	leftOver = `"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Pxe","BootSourceOverrideMode":"Legacy"`
	noCont   = `"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Hdd","BootSourceOverrideMode":"Legacy","BootSourceOverrideEnabled@Redfish.AllowableValues":["Once","Disabled"],"BootSourceOverrideTarget@Redfish.AllowableValues":["Pxe","Hdd"]`
	allSet   = `"BootSourceOverrideEnabled":"Disabled","BootSourceOverrideMode":"UEFI","BootSourceOverrideTarget":"Cd","BootSourceOverrideEnabled@Redfish.AllowableValues":["Disabled","Once","Continuous"],"BootSourceOverrideTarget@Redfish.AllowableValues":["None","Pxe","Hdd"]`

	pxeOnce = `{"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Pxe"}`
	pxeUEFI = `{"BootSourceOverrideEnabled":"Once","BootSourceOverrideMode":"UEFI","BootSourceOverrideTarget":"Pxe"}`
)

var (
	efi    = bmc.Boot{Device: bmc.PXE, Valid: true, EFI: true}
	legacy = bmc.Boot{Device: bmc.PXE, Valid: true}
	always = bmc.Boot{Device: bmc.Disk, Valid: true, EFI: true, Persistent: true}
)

func bootRows() []bootRow {
	const patch = "PATCH /redfish/v1/Systems/1"
	refuseMode := func(w http.ResponseWriter, r *http.Request, body string) bool {
		if !strings.Contains(body, keyMode) {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		return true
	}
	return []bootRow{
		{name: "usual", boot: usual, want: efi, sent: []string{pxeUEFI}},
		{name: "the mode stays as it is for a box that isn't known to boot by UEFI", boot: usual, want: legacy, sent: []string{pxeUEFI}},
		{name: "legacy becomes UEFI", boot: leftOver, want: efi, sent: []string{pxeUEFI}},
		{name: "no mode where there is none (X10)", boot: noMode, want: efi, sent: []string{pxeOnce}},
		{name: "mode: never", boot: usual, want: efi, quirks: bmc.Quirks{Mode: "never"}, sent: []string{pxeOnce}},
		{name: "mode: changed, and it hasn't (iDRAC 9)", boot: usual, want: efi, quirks: bmc.Quirks{Mode: "changed"}, sent: []string{pxeOnce}},
		{name: "mode: changed, and it has", boot: leftOver, want: efi, quirks: bmc.Quirks{Mode: "changed"}, sent: []string{pxeUEFI}},
		{name: "mode: always, where there is none", boot: noMode, want: efi, quirks: bmc.Quirks{Mode: "always"}, sent: []string{pxeUEFI}},
		{name: "a mode that isn't allowed", boot: usual + `,"BootSourceOverrideMode@Redfish.AllowableValues":["Legacy"]`, want: efi, sent: []string{pxeOnce}},
		{name: "the mode is refused (HPE)", boot: usual, want: efi, hook: refuseMode, sent: []string{pxeUEFI, pxeOnce}},
		{name: "disk, its UEFI name, for good", boot: usual, want: always, sent: []string{`{"BootSourceOverrideEnabled":"Continuous","BootSourceOverrideMode":"UEFI","BootSourceOverrideTarget":"UefiHdd"}`}},
		{name: "a name of its own", boot: usual, want: bmc.Boot{Device: "cd", Valid: true}, sent: []string{`{"BootSourceOverrideEnabled":"Once","BootSourceOverrideMode":"UEFI","BootSourceOverrideTarget":"UsbCd"}`}},
		{name: "a device that it hasn't", boot: noMode, want: bmc.Boot{Device: "cd", Valid: true}, is: bmc.ErrUnsupported, says: "can't boot from cd, only from None, Pxe, Hdd"},
		{name: "no Continuous (Lenovo)", boot: noCont, want: always, is: bmc.ErrUnsupported, says: "Once, Disabled only"},
		{name: "no Boot", boot: `"BootOrder":["a"]`, want: efi, is: bmc.ErrUnsupported, says: "no boot override"},
		{name: "clear", boot: leftOver, want: bmc.Boot{Device: bmc.None}, sent: []string{`{"BootSourceOverrideEnabled":"Disabled"}`}},
		{name: "clear what is clear", boot: usual, want: bmc.Boot{Device: bmc.None}},
		{
			name: "clear, with all properties (AMI)", boot: leftOver, want: bmc.Boot{Device: bmc.None},
			hook: func(w http.ResponseWriter, r *http.Request, body string) bool {
				if r.Method != http.MethodPatch || strings.Contains(body, keyTarget) {
					return false
				}
				w.WriteHeader(http.StatusBadRequest)
				return true
			},
			sent: []string{`{"BootSourceOverrideEnabled":"Disabled"}`, `{"BootSourceOverrideEnabled":"Disabled","BootSourceOverrideMode":"Legacy","BootSourceOverrideTarget":"Pxe"}`},
		},
		{name: "in the Settings object (AMI)", boot: usual, settings: allSet, want: efi, sent: []string{"Settings: " + pxeUEFI}},
		{name: "a Settings object without an override (Lenovo)", boot: usual, settings: `"BootOrder":["Boot0000"]`, want: efi, sent: []string{pxeUEFI}},
		{name: "a Settings object that isn't there", boot: usual, settings: "missing", want: efi, sent: []string{pxeUEFI}},
		{name: "a Settings object with the mode alone (iDRAC 10)", boot: usual, settings: `"BootSourceOverrideMode":null`, want: efi, sent: []string{pxeOnce}},
		{name: "the mode changes there", boot: leftOver, settings: `"BootSourceOverrideMode":null`, want: efi, sent: []string{`Settings: {"BootSourceOverrideMode":"UEFI"}`, pxeOnce}},
		{name: "the quirk settings-object", boot: usual, settings: `"BootOrder":[]`, quirks: bmc.Quirks{SettingsObject: true}, want: efi, sent: []string{"Settings: " + pxeUEFI}},
		{name: "in its self-test (iLO)", boot: usual, want: efi, hook: on(patch, 400, nil, says("iLO.2.14.UnableToModifyDuringSystemPOST", "")), sent: []string{pxeUEFI}, is: bmc.ErrNotReady, says: "POST"},
		{name: "refused", boot: usual, want: efi, hook: on(patch, 400, nil, says("Base.1.0.PropertyValueNotInList", "no")), sent: []string{pxeUEFI, pxeOnce}, is: bmc.ErrRefused, says: "NotInList"},
		{name: "refused, and done (Dell's 13th generation)", boot: `"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"Pxe"`, want: legacy, hook: on(patch, 400, nil, ""), sent: []string{pxeOnce}},
	}
}

// TestSetBoot: what is written, and where.
func TestSetBoot(t *testing.T) {
	for _, tt := range bootRows() {
		t.Run(tt.name, func(t *testing.T) {
			docs := documents{at + "/Systems/1": `{"PowerState":"On","Boot":{` + tt.boot + `}}`}
			if tt.settings != "" {
				docs[at+"/Systems/1"] = `{"PowerState":"On","@Redfish.Settings":{"SettingsObject":{"@odata.id":"/redfish/v1/Systems/1/SD"}},"Boot":{` + tt.boot + `}}`
			}
			if tt.settings != "" && tt.settings != "missing" {
				docs[at+"/Systems/1/SD"] = `{"Boot":{` + tt.settings + `}}`
			}
			f, target := newFake(t, plain().with(docs).get)
			f.hook, target.Quirks = tt.hook, tt.quirks
			err := login(t, target).SetBoot(t.Context(), tt.want)
			if !errors.Is(err, tt.is) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v with %q", err, tt.is, tt.says)
			}
			var want []string
			for _, s := range tt.sent {
				place, body := "", s
				if rest, ok := strings.CutPrefix(s, "Settings: "); ok {
					place, body = "/SD", rest
				}
				want = append(want, "PATCH /redfish/v1/Systems/1"+place+` {"Boot":`+body+`}`)
			}
			if sent := f.sent(); !slices.Equal(sent, want) {
				t.Errorf("sent %q\nwant %q", sent, want)
			}
		})
	}
}

// TestBoot: how an override is read.
func TestBoot(t *testing.T) {
	for boot, want := range map[string]bmc.Boot{
		usual:    {Device: bmc.None, EFI: true},
		leftOver: {Device: bmc.PXE, Valid: true},
		`"BootSourceOverrideEnabled":"Continuous","BootSourceOverrideTarget":"UefiHdd"`:                           {Device: bmc.Disk, Valid: true, Persistent: true, EFI: true},
		`"BootSourceOverrideEnabled":"Disabled","BootSourceOverrideTarget":"Pxe","BootSourceOverrideMode":"UEFI"`: {Device: bmc.None, EFI: true},
		`"BootSourceOverrideEnabled":"Once","BootSourceOverrideTarget":"CD/DVD"`:                                  {Device: "cd/dvd", Valid: true, NoMode: true},
		`"BootSourceOverrideEnabled":["odd"],"BootSourceOverrideTarget":null,"BootSourceOverrideMode":7`:          {Device: bmc.None, NoMode: true},
		`"BootSourceOverrideEnabled":null,"BootSourceOverrideTarget":"Pxe"`:                                       {Device: bmc.PXE, NoMode: true},
	} {
		_, target := newFake(t, plain().with(documents{at + "/Systems/1": `{"Boot":{` + boot + `}}`}).get)
		if got, err := login(t, target).Boot(t.Context()); err != nil || got != want {
			t.Errorf("%s: %+v, %v", boot, got, err)
		}
	}
	_, target := newFake(t, plain().with(documents{at + "/Systems/1": `{"Boot":[]}`}).get)
	if _, err := login(t, target).Boot(t.Context()); !errors.Is(err, bmc.ErrUnsupported) {
		t.Errorf("without Boot: %v", err)
	}
}

// TestETags: a service may want a tag, refuse a weak one, or refuse any.
func TestETags(t *testing.T) {
	const empty = "-" // no If-Match
	for _, tt := range []struct {
		name, tag string
		takes     string // the only If-Match that it takes
		sent      []string
	}{
		{"any", `W/\"1\"`, "", []string{`W/"1"`}},
		{"only a strong one", `W/\"1\"`, `"1"`, []string{`W/"1"`, `"1"`}},
		{"none at all", `W/\"1\"`, empty, []string{`W/"1"`, `"1"`, ""}},
		{"none, of a strong one", `\"1\"`, empty, []string{`"1"`, ""}},
		{"one that it hasn't given", "", "*", []string{"", "*"}},
		{"an empty one is none", `\"\"`, empty, []string{""}},
		{"quoted twice", `\"\"x\"\"`, `"x"`, []string{`"x"`}},
		{"in single quotes", `'W/\"x\"'`, `W/"x"`, []string{`W/"x"`}},
		{"without quotes", `x`, `"x"`, []string{`"x"`}},
		{"with a line's end", `x\r\nX-Evil: 1`, empty, []string{""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, target := newFake(t, plain().with(documents{at + "/Systems/1": `{"@odata.etag":"` + tt.tag + `","Boot":{` + noMode + `}}`}).get)
			f.hook = func(w http.ResponseWriter, r *http.Request, _ string) bool {
				got := r.Header.Get("If-Match")
				if got == "" {
					got = empty
				}
				if r.Method != http.MethodPatch || tt.takes == "" || got == tt.takes {
					return false
				}
				status := http.StatusPreconditionFailed
				if got == empty {
					status = http.StatusPreconditionRequired
				}
				w.WriteHeader(status)
				return true
			}
			if err := login(t, target).SetBoot(t.Context(), efi); err != nil {
				t.Error(err)
			}
			if !slices.Equal(f.tags, tt.sent) {
				t.Errorf("If-Match %q, want %q", f.tags, tt.sent)
			}
		})
	}
}
