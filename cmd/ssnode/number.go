package main

import "strconv"

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

// formatBytes returns a size for people, in powers of 1024.
func formatBytes(n int64) string {
	const step = 1024
	if n < step {
		return formatInt(n) + " B"
	}
	size, unit := float64(n), 0
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for size >= step && unit < len(units)-1 {
		size /= step
		unit++
	}
	return strconv.FormatFloat(size, 'f', 1, 64) + " " + units[unit]
}
