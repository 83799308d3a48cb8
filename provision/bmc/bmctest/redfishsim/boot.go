package redfishsim

import (
	"net/http"
	"path"
	"slices"
)

// system is the system that a path is, or whose Settings object it is; "" for none.
func (s *Service) system(p string) string {
	for _, one := range s.tree.members(root + "/Systems") {
		if p == one || p == s.settingsOf(one) {
			return one
		}
	}
	return ""
}

func (s *Service) settingsOf(system string) string {
	return linkOf(at(s.tree[system], "@Redfish.Settings", "SettingsObject"))
}

// patchSystem writes a lamp, the asset tag, or the boot override.
func (s *Service) patchSystem(p string, body map[string]any) answer {
	system := s.system(p)
	doc := s.tree[system]
	if s.lasting(InPOST) {
		return refuse(http.StatusBadRequest, "iLO.2.14.UnableToModifyDuringSystemPOST", "Unable to modify the requested setting while the system is in POST.")
	}
	if a := writable(s.tree[p], body, "IndicatorLED", "LocationIndicatorActive", "AssetTag", "HostName", "Boot"); a.status != 0 {
		return a
	}
	if boot, ok := body["Boot"].(map[string]any); ok {
		if s.faults[SettingsObject] && p == system {
			return refuse(http.StatusBadRequest, "PropertyNotWritable", "The property Boot is a read only property and cannot be assigned a value.")
		}
		if a := s.setBoot(system, boot); a.status >= 300 {
			return a
		}
	}
	rest := clone(body)
	delete(rest, "Boot")
	merge(doc, rest)
	if s.faults[DoneBut400] {
		return refuse(http.StatusBadRequest, "GeneralError", "A general error has occurred.")
	}
	return done()
}

// setBoot writes the boot override of a system.
func (s *Service) setBoot(system string, body map[string]any) answer {
	boot, _ := s.tree[system]["Boot"].(map[string]any)
	if a := writable(boot, body, "BootSourceOverrideEnabled", "BootSourceOverrideTarget", "BootSourceOverrideMode"); a.status != 0 {
		return a
	}
	enabled, hasEnabled := body["BootSourceOverrideEnabled"].(string)
	target, hasTarget := body["BootSourceOverrideTarget"].(string)
	mode, hasMode := body["BootSourceOverrideMode"].(string)
	_, knowsMode := boot["BootSourceOverrideMode"]
	switch {
	case hasEnabled && !slices.Contains([]string{"Disabled", "Once", "Continuous"}, enabled):
		return refuse(http.StatusBadRequest, "PropertyValueNotInList", "The value %s for the property BootSourceOverrideEnabled is not in the list of acceptable values.", enabled)
	case hasMode && !slices.Contains([]string{"Legacy", "UEFI"}, mode):
		return refuse(http.StatusBadRequest, "PropertyValueNotInList", "The value %s for the property BootSourceOverrideMode is not in the list of acceptable values.", mode)
	case s.faults[FullBoot] && (!hasEnabled || !hasTarget || knowsMode && !hasMode):
		return refuse(http.StatusBadRequest, "PropertyMissing", "The Boot object must have all its properties.")
	case s.faults[NoneBlocks] && hasEnabled && enabled != "Disabled" && target == "" && boot["BootSourceOverrideTarget"] == "None":
		return refuse(http.StatusBadRequest, "PropertyValueConflict", "BootSourceOverrideEnabled conflicts with the value of BootSourceOverrideTarget.")
	case s.faults[OverrideIgnored]:
		return done()
	}
	merge(boot, body)
	switch {
	case s.faults[OverrideReverted]:
		boot["BootSourceOverrideEnabled"] = "Disabled"
		if knowsMode {
			boot["BootSourceOverrideMode"] = "Legacy"
		}
	case s.faults[ModeLost] && knowsMode:
		boot["BootSourceOverrideMode"] = "Legacy"
	case s.faults[OnceContinuous] && enabled == "Once":
		boot["BootSourceOverrideEnabled"] = "Continuous"
	}
	if settings := s.tree[s.settingsOf(system)]; settings["Boot"] != nil {
		settings["Boot"] = clone(boot)
	}
	s.tellMachine(system)
	return done()
}

// tellMachine writes the override to the box behind the first system.
func (s *Service) tellMachine(system string) {
	if !s.driven(system) || s.faults[OverrideUnused] {
		return
	}
	target, once, uefi := s.override(system)
	s.opts.Machine.SetBoot(target, once, uefi)
}

// override is what the next boot uses: target "None" without an override.
func (s *Service) override(system string) (target string, once, uefi bool) {
	boot, _ := s.tree[system]["Boot"].(map[string]any)
	enabled, _ := boot["BootSourceOverrideEnabled"].(string)
	target, _ = boot["BootSourceOverrideTarget"].(string)
	mode, _ := boot["BootSourceOverrideMode"].(string)
	if enabled != "Once" && enabled != "Continuous" || target == "" {
		target = "None"
	}
	return target, enabled == "Once", mode == "UEFI"
}

// boot is a start of the box: it uses the override, and spends the one of one boot.
func (s *Service) boot(system string) {
	target, once, _ := s.override(system)
	switch {
	case target == "None":
		target = ""
	case once:
		s.spend(system)
	}
	if s.faults[OverrideUnused] {
		target = ""
	}
	s.boots = append(s.boots, target)
}

// spend ends an override of one boot.
func (s *Service) spend(system string) {
	boot, _ := s.tree[system]["Boot"].(map[string]any)
	if boot == nil {
		return
	}
	boot["BootSourceOverrideEnabled"], boot["BootSourceOverrideTarget"] = "Disabled", "None"
	if settings := s.tree[s.settingsOf(system)]; settings["Boot"] != nil {
		settings["Boot"] = clone(boot)
	}
}

// shape makes the faults that are in the documents.
func (s *Service) shape() {
	systems := s.tree.members(root + "/Systems")
	for _, one := range systems {
		if s.faults[NoBoot] {
			delete(s.tree[one], "Boot")
		}
		if boot := s.tree[one]["Boot"]; s.faults[SettingsObject] && boot != nil && s.settingsOf(one) == "" {
			p := path.Join(one, "SD")
			set(s.tree[one], link(p), "@Redfish.Settings", "SettingsObject")
			s.tree[p] = map[string]any{"@odata.id": p, "@odata.type": s.tree[one]["@odata.type"], "Id": "SD", "Name": "Settings"}
			s.tree[p]["Boot"] = clone(s.tree[one])["Boot"]
		}
		if s.faults[NoPowerCycle] {
			s.dropResetType(one, "PowerCycle")
		}
	}
	if s.faults[TwoSystems] && len(systems) == 1 {
		s.secondSystem(systems[0])
	}
}

// secondSystem puts another system before the one that there is.
func (s *Service) secondSystem(first string) {
	p := path.Join(path.Dir(first), "Other")
	doc := clone(s.tree[first])
	doc["@odata.id"], doc["Id"] = p, "Other"
	delete(doc, "@Redfish.Settings")
	set(doc, p+"/Actions/ComputerSystem.Reset", "Actions", "#ComputerSystem.Reset", "target")
	s.tree[p] = doc
	s.tree[path.Dir(first)]["Members"] = links([]string{p, first})
	s.tree[path.Dir(first)]["Members@odata.count"] = 2
}
