package conduct

import (
	"fmt"
	"time"

	"rackhand/inventory/role"
)

// waitingWithin is how long parts of roles may wait before that is a failure.
const waitingWithin = time.Minute

// incomplete reports roles of which parts wait for facts of their host: it doesn't serve yet,
// even if the other checks pass.
func incomplete(c *role.Compiled) error {
	if len(c.Waiting) == 0 {
		return nil
	}
	return fmt.Errorf("%d parts of its roles wait, the first: %s; agents of an older version send no facts: upgrade it", len(c.Waiting), c.Waiting[0])
}
