// Package converge is the agent's engine. It runs as root on every host: it sets
// the clock from the appliance, enrols, fetches the catalog of its host, converges
// the host to it, and reports. Of rackhand it imports only the catalog's types.
//
// Three things always hold. A restart that a change asks for stays on disk until it has
// succeeded. Without the appliance, the agent converges the catalog that is saved on the
// host. The content of a sensitive file never reaches a log or a report.
package converge
