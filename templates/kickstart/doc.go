// Package kickstart is the Kickstart language. It parses a file into a tree in which
// everything has its line and column, and checks the file for a release of Red Hat's or
// Fedora's installer. Package engine checks it for the image installer.
//
// The grammar of lines and sections is pykickstart's as observed, in the version
// that each release ships: words as a shell reads them, an unquoted # starts a comment,
// no continuation lines, sections end with %end. Options per release are data, in
// syntax.json; rules that no table holds are in rules*.go; warnings of our own, about
// lines that Red Hat's parser accepts and that are surely wrong, are in lint*.go.
//
// The package uses the standard library only, because the installer's initramfs links it.
package kickstart
