// Package conformance runs one table of operations through the power controller over each BMC
// that tests have: go-ipmi's, OpenIPMI's and pyghmi's by IPMI, and the simulated Redfish
// service with each captured tree and each fault. Each BMC has its list of exceptions.
package conformance
