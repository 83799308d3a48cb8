package bmc

// A Command is what a BMC may be asked to do with the power of its box.
type Command string

// The commands.
const (
	PowerOn    Command = "on"
	PowerOff   Command = "off"   // at once, without notice to the system
	PowerCycle Command = "cycle" // off and on again, by the BMC itself
	Reset      Command = "reset" // without loss of power
	SoftOff    Command = "soft"  // asks the system to shut down (ACPI)
	NMI        Command = "nmi"   // a diagnostic interrupt: the system writes its dump
)

// A Status is a BMC's report on its box (IPMI: Get Chassis Status, IPMI 2.0 §28.2; Redfish:
// ComputerSystem.PowerState).
type Status struct {
	On           bool
	Changing     bool // Redfish's PoweringOn, PoweringOff: neither state is reached
	PowerFault   bool // in the main power subsystem
	ControlFault bool // the box didn't enter the state that the BMC wanted
	Overload     bool // switched off because of it
	Interlock    bool // off because a chassis panel is open
}

// State is "on" or "off".
func (s Status) State() string {
	if s.On {
		return "on"
	}
	return "off"
}
