//go:build !linux

package store

import "os"

// mapPages maps nothing: elsewhere msync says nothing of what was written otherwise.
func mapPages(*os.File, int64, uint64) ([]byte, error) { return nil, nil }

func unmapPages([]byte) error { return nil }

func syncPages([]byte) error { panic("no pages are mapped here") }
