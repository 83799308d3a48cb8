package provider

// Missing is an error that ends once something else exists: a folder, a user, a unit. In a
// dry run it is no error if an earlier resource would make that.
type Missing struct {
	Err error
	// By are the ids of resources that would make it, if they are declared.
	By []string
}

func (m *Missing) Error() string { return m.Err.Error() }
func (m *Missing) Unwrap() error { return m.Err }
