// Package crash kills what writes, and looks at what is left. It has no code
// of its own, only tests:
//
//	kill -9      processes that write, merge, fold, trim, rewrite and back-fill
//	             at the same time are killed at random moments, again and again in one
//	             directory; what they had acknowledged must be there, what they
//	             had not begun must not, every batch must be there wholly or not
//	             at all, and opening verifies the fingerprint every time
//	every call   one operation is killed, under strace, before every one of its
//	             calls that write, sync, rename or remove
//	power        the file system under the writers loses its power: what was not
//	             synced is gone. A control run that does not sync must lose data,
//	             or the harness sees nothing
//
// `go test` runs a few seconds of the first two; `make crash` and `make power`
// run all of it. docs/testing.md has the commands.
package crash
