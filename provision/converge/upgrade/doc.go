// Package upgrade replaces the agent's own program. A new program is fetched beside the one
// that runs, and is tried as a child of it. It takes the place of the old one only once it
// has fetched this host's catalog. So the program at its path is at every moment one that
// has proved to work, whatever is killed or loses its power. A new program that crashes
// later, before it has completed a run, gives its place back.
package upgrade
