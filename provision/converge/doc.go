// Package converge is the agent's engine. It runs as root on every host: it sets
// the clock from the appliance, enrols, fetches the catalog of its host and
// brings it about, and reports. It imports the catalog's types and nothing else
// of rackhand.
//
// Three things hold whatever happens: a change that asks for a restart leaves
// that restart on disk until it has succeeded; without the appliance the catalog
// kept on the host is converged; and the content of a sensitive file reaches no
// log and no report.
package converge
