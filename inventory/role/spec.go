package role

import "rackhand/inventory/role/kind"

// spec is what a field takes.
type spec = kind.Spec
