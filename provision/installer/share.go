package installer

import "slices"

// A room is what one partition or volume wants of the space there is, and what it
// gets, in any one unit.
type room struct {
	Size int64
	Max  int64 // 0 for none
	Grow bool
	Got  int64
}

// share divides total: each gets its size, and those that grow divide the rest by
// their sizes up to their maximum. It returns how much is missing, 0 when it
// suffices.
func share(total int64, rooms []*room) (missing int64) {
	free := total
	for _, r := range rooms {
		r.Got = r.Size
		free -= r.Size
	}
	if free < 0 {
		return -free
	}
	growers := slices.DeleteFunc(slices.Clone(rooms), func(r *room) bool {
		return !r.Grow || (r.Max > 0 && r.Max <= r.Size)
	})
	for free > 0 && len(growers) > 0 {
		var weight int64
		for _, r := range growers {
			weight += max(r.Size, 1)
		}
		given := int64(0)
		var left []*room
		for i, r := range growers {
			part := free * max(r.Size, 1) / weight // below 2^31 MiB or extents each: it fits
			if i == len(growers)-1 {
				part = free - given // what rounding left
			}
			if r.Max > 0 && r.Got+part >= r.Max {
				part = r.Max - r.Got
			} else {
				left = append(left, r)
			}
			r.Got += part
			given += part
		}
		free -= given
		if len(left) == len(growers) {
			break // nobody was stopped by a maximum: all is given
		}
		growers = left
	}
	return 0
}
