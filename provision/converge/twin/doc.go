// Package twin holds rackhand against Puppet. Two systems of the same root are booted. The
// same declarations are brought about on one of them by `puppet apply`, on the other one by
// a rackhand appliance and its agent; then the systems must be equal. What differs, and why,
// stands in docs/guide/coming-from-puppet.md.
//
// A pair is a value of type pair in one of the files pairs_*_e2e_test.go: its declarations
// in both languages, and a shell script that makes both systems drift from them.
package twin
