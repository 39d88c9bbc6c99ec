package store

import "errors"

// Errors of opening a data directory.
var (
	// ErrInUse says that another process, or another Store of this one, has
	// the file open.
	ErrInUse = errors.New("data directory in use")
	// ErrMissing says that there is no data directory, or none of ssnode's
	// files in it, where one must exist.
	ErrMissing = errors.New("no such data directory")
	// ErrNotADirectory says that the path is something else.
	ErrNotADirectory = errors.New("not a directory")
	// ErrNewerFormat says that a newer release of ssnode wrote the file.
	ErrNewerFormat = errors.New("written by a newer version of ssnode")
	// ErrOtherCluster and ErrOtherNode say that the directory belongs to
	// another cluster or node than the one asked for.
	ErrOtherCluster = errors.New("data directory of another cluster")
	ErrOtherNode    = errors.New("data directory of another node")
	// ErrExists says that there is a file where one is to be created.
	ErrExists = errors.New("data directory not empty")
	// ErrOptions is wrapped by every refusal of Options.
	ErrOptions = errors.New("invalid options")
)

// Errors of an open store.
var (
	// ErrCorrupt is wrapped when what is stored cannot be what was written.
	ErrCorrupt = errors.New("corrupt data directory")
	// ErrFailed is wrapped, with the cause, by everything after a transaction
	// that failed on its way to the disk, until Reopen succeeds.
	ErrFailed = errors.New("disk fault")
	// ErrReadOnly says that the store was opened for reading.
	ErrReadOnly = errors.New("opened read-only")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("store closed")
	// errUnknownTransaction says that the file changed under an open store.
	errUnknownTransaction = errors.New("the file holds a transaction that this process has not committed")
	// ErrBusy says that the store is being rewritten already.
	ErrBusy = errors.New("a rewrite is running")
	// ErrStale says that an update was prepared on one that has failed, or was
	// abandoned, since.
	ErrStale = errors.New("an update before this one has failed")
	// ErrTooLarge is wrapped when a note or list exceeds its limit.
	ErrTooLarge = errors.New("too large")
)
