package orders

// A Request orders runs of hosts.
type Request struct {
	Hosts        []string `json:"hosts"`
	Noop         bool     `json:"noop,omitempty"`
	IgnoreWindow bool     `json:"ignore_window,omitempty"`
}

// An Ordered is the result of a Request for one host.
type Ordered struct {
	Host  string `json:"host"`
	Order *Order `json:"order,omitempty"` // nil: it was not ordered
	// Joined: the same was ordered before, and is under way.
	Joined bool `json:"joined,omitempty"`
	// Connected: the host's agent waits for orders, and has it at once.
	Connected bool `json:"connected,omitempty"`
	// Refused is why it was not ordered.
	Refused string `json:"refused,omitempty"`
}

// An ChangesRequest asks for the orders of hosts that have changed after a revision.
type ChangesRequest struct {
	Hosts []string `json:"hosts"`
	After uint64   `json:"after"`
}

// An ChangesReply is the answer, once something has changed or some time has passed.
type ChangesReply struct {
	Rev    uint64  `json:"rev"`
	Orders []Order `json:"orders"`
}
