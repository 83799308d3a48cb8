package catalog

import "fmt"

// The bounds of a catalog.
const (
	MaxResources = 10_000
	MaxSize      = 64 << 20 // of its JSON, in bytes
	MaxDeadline  = 24 * 3600
	MaxSettle    = 600
	MaxContent   = 1 << 30  // of a file's content, in bytes
	MaxTexts     = 64 << 20 // of the contents of a catalog's files that the appliance makes, together, in bytes
	MaxSecret    = 4 << 20  // of a sensitive file's content, which is held in memory
)

// The bounds of a catalog for agents of formats 1 and 2. They refuse a larger one.
const (
	OldMaxResources = 2000
	OldMaxSize      = 16 << 20
)

// TooMuch says why an agent that reads a format refuses a catalog of a number of resources,
// and of size bytes of JSON in that format; "" when it takes the catalog.
func TooMuch(format, resources, size int) string {
	mostResources, mostSize := MaxResources, MaxSize
	if format < Format3 {
		mostResources, mostSize = OldMaxResources, OldMaxSize
	}
	switch {
	case resources > mostResources:
		return fmt.Sprintf("the catalog has %d resources, and this agent takes at most %d", resources, mostResources)
	case size > mostSize:
		return fmt.Sprintf("the catalog has more than %d MiB, the most that this agent takes", mostSize>>20)
	}
	return ""
}
