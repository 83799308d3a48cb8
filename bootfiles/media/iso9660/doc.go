// Package iso9660 reads files straight out of an ISO 9660 image (ECMA-119) with Rock
// Ridge (IEEE P1282) over SUSP (IEEE P1281): long names, directories of any depth,
// symbolic links, files of several extents. It mounts and unpacks nothing, and an
// image is hostile input to it: everything that is read is bounded, and a broken
// image is an error. Why no library: docs/decisions/0013.
package iso9660
