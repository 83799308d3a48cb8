// Package kickstart is the Kickstart language: it parses a file into a tree in
// which everything has its line and column, checks it for a release of Red Hat's
// or Fedora's installer, and for an engine that carries it out.
//
// The grammar of lines and sections is that of pykickstart as observed (words as
// a shell reads them, an unquoted # starts a comment, no continuation lines,
// sections end with %end), in the version that each release ships. Options per
// release are data, in syntax.json.
//
// The package uses the standard library only: it is linked into the installer's
// initramfs.
package kickstart
