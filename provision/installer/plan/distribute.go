package plan

import "slices"

// A slot is the space that one partition or volume asks for and gets, in any unit.
type slot struct {
	Size int64
	Max  int64 // 0 for none
	Grow bool
	Got  int64
}

// distribute divides total among slots. Each gets its size. Those that grow divide the rest
// in proportion to their sizes, up to their maximum. It returns how much space is missing, 0
// when there is enough.
func distribute(total int64, slots []*slot) (missing int64) {
	free := total
	for _, r := range slots {
		r.Got = r.Size
		free -= r.Size
	}
	if free < 0 {
		return -free
	}
	growers := slices.DeleteFunc(slices.Clone(slots), func(r *slot) bool {
		return !r.Grow || (r.Max > 0 && r.Max <= r.Size)
	})
	for free > 0 && len(growers) > 0 {
		var weight int64
		for _, r := range growers {
			weight += max(r.Size, 1)
		}
		given := int64(0)
		var left []*slot
		for i, r := range growers {
			part := free * max(r.Size, 1) / weight // below 2^31 MiB or extents each: it fits
			if i == len(growers)-1 {
				part = free - given // the rest that rounding left over
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
			break // none has reached its maximum: all is given
		}
		growers = left
	}
	return 0
}
