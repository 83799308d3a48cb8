// Package disk reads and writes disks below their file systems: what a disk carries
// and which program uses it, partition tables, swap, signatures, and erasing whole
// disks.
package disk

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"rackhand/provision/installer/plan"
)

// A Volume is a disk or one of its partitions, for Inspect. Size is in bytes.
type Volume struct {
	Name string
	Size int64
	R    io.ReaderAt
}

// Inspect says what a disk carries: signatures on the disk and on its partitions, or without
// any, data in its first or last MiB. nil means that it is blank. The first volume is the
// disk, the others are its partitions.
func Inspect(vols []Volume) ([]string, error) {
	var found []string
	for i, v := range vols {
		names, err := probe(v.R, v.Size)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", v.Name, err)
		}
		if i > 0 {
			if len(names) == 0 {
				names = []string{"a partition"}
			}
			names = []string{v.Name + ": " + strings.Join(names, ", ")}
		}
		found = append(found, names...)
	}
	if len(found) > 0 || len(vols) == 0 {
		return found, nil
	}
	disk := vols[0]
	for _, part := range []struct {
		name string
		from int64
	}{{"first", 0}, {"last", max(0, disk.Size-plan.MiB)}} {
		b, err := readPart(disk.R, part.from, min(plan.MiB, disk.Size))
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", disk.Name, err)
		}
		if len(bytes.Trim(b, "\x00")) > 0 {
			found = append(found, "unknown data in its "+part.name+" MiB")
		}
	}
	return found, nil
}

// Refuse is the failure for a disk with data. keep says why --wipe doesn't apply, "" when it
// does.
func Refuse(d plan.Disk, found []string, keep string) error {
	how := "To erase it, run `rackhand install HOST --wipe`"
	if keep != "" {
		how = "The Kickstart (" + keep + ") doesn't have whole disks cleared, so that --wipe doesn't hold: to erase it, write clearpart --all and run `rackhand install HOST --wipe`"
	}
	return &plan.Failure{Kind: plan.FailDisk, Err: fmt.Errorf(
		"disk %s carries data: %s. Nothing was written. %s",
		d, strings.Join(found, "; "), how), Fields: map[string]string{"disk": d.String(), "found": strings.Join(found, "; "), "keep": keep}}
}

// RefuseInUse is the failure for a disk that is in use, with --wipe or without.
func RefuseInUse(d plan.Disk, uses []string) error {
	return &plan.Failure{Kind: plan.FailDisk, Err: fmt.Errorf(
		"disk %s is in use: %s. Nothing was written. A %%pre that starts or mounts something must let go of it",
		d, strings.Join(uses, "; ")), Fields: map[string]string{"disk": d.String(), "uses": strings.Join(uses, "; ")}}
}
