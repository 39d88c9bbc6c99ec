package node

import (
	"fmt"

	"github.com/scalesmall/ssnode/compaction"
)

// ParseRetention reads what Options.Retention says as text: how long and how
// much history of a node's own ranges is kept, and of all others, each such as
// "168h,256MiB".
func ParseRetention(own, other string) (compaction.Options, error) {
	var o compaction.Options
	var err error
	if o.Own, err = compaction.ParseRetention(own); err != nil {
		return compaction.Options{}, fmt.Errorf("own history: %w", err)
	}
	if o.Other, err = compaction.ParseRetention(other); err != nil {
		return compaction.Options{}, fmt.Errorf("other history: %w", err)
	}
	return o, nil
}
