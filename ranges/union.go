package ranges

import "slices"

// Union returns the ranges that together have the same keys as those of list,
// ascending, none of them touching another. It leaves list alone.
// O(n log n).
func Union(list []Range) []Range {
	if len(list) == 0 {
		return nil
	}
	return merge(slices.Clone(list))
}
