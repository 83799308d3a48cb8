package catalog

import "fmt"

// A Group of the system.
type Group struct {
	Name   string `json:"name"`
	Ensure string `json:"ensure"` // present, absent
	// GID is its number; nil for any.
	GID *int `json:"gid,omitempty"`
	// System: without a GID, a number of the system's range is taken.
	System bool `json:"system,omitempty"`
}

// MaxID bounds the numbers of users and groups. The last one, 2^32-1, stands for none in
// chown(2).
const MaxID = 1<<32 - 2

func (g *Group) Title() string { return g.Name }
func (g *Group) absent() bool  { return g.Ensure == Absent }

func (g *Group) validate() error {
	switch {
	case !validName(g.Name):
		return fmt.Errorf("%.80q is not a valid group name", g.Name)
	case g.Ensure != Present && g.Ensure != Absent:
		return fmt.Errorf("ensure is %.40q: use present or absent", g.Ensure)
	case g.GID != nil && (*g.GID < 0 || *g.GID > MaxID):
		return fmt.Errorf("gid is %d: 0 to %d are allowed", *g.GID, MaxID)
	}
	return nil
}
