package wire

import (
	"errors"
	"fmt"
	"net/http"
)

// Code says what kind of failure an Error is, for programs.
type Code string

// The codes an answer can carry.
const (
	CodeInvalid      Code = "invalid"      // the request itself is wrong; repeating it will not help
	CodeUnauthorized Code = "unauthorized" // no valid credentials
	CodeForbidden    Code = "forbidden"    // valid credentials that do not allow this
	CodeNotFound     Code = "not_found"    // what is named does not exist, or nobody serves it
	CodeConflict     Code = "conflict"     // the present state does not allow it
	CodeTrimmed      Code = "trimmed"      // the history asked for, or what a token names, is no longer known
	CodeTooLarge     Code = "too_large"    // a limit on size or number is exceeded
	CodeUnavailable  Code = "unavailable"  // not now; try again, or another node
	CodeInternal     Code = "internal"     // a defect or a fault of the node
)

// Exit codes of the command.
const (
	ExitOK          = 0
	ExitFailure     = 1
	ExitUsage       = 2 // usage or invalid
	ExitNotFound    = 3 // not found, or nobody serves it
	ExitUnreachable = 4 // the daemon cannot be reached
	ExitCheckFailed = 5 // check failed, diverged, wait incomplete, coverage too low
	ExitInUse       = 6 // the data directory is in use
)

// codes is the one table of what each code means outside: the HTTP status of
// the answer and the exit code of the command.
var codes = []struct {
	code   Code
	status int
	exit   int
}{
	{CodeInvalid, http.StatusBadRequest, ExitUsage},
	{CodeUnauthorized, http.StatusUnauthorized, ExitFailure},
	{CodeForbidden, http.StatusForbidden, ExitFailure},
	{CodeNotFound, http.StatusNotFound, ExitNotFound},
	{CodeConflict, http.StatusConflict, ExitFailure},
	{CodeTrimmed, http.StatusGone, ExitFailure},
	{CodeTooLarge, http.StatusRequestEntityTooLarge, ExitUsage},
	{CodeUnavailable, http.StatusServiceUnavailable, ExitFailure},
	{CodeInternal, http.StatusInternalServerError, ExitFailure},
}

// HTTPStatus returns the status of an answer that carries c; an unknown code
// is an internal one.
func (c Code) HTTPStatus() int {
	for _, row := range codes {
		if row.code == c {
			return row.status
		}
	}
	return http.StatusInternalServerError
}

// ExitCode returns the exit code of a command that was answered with c; an
// unknown code is a plain failure.
func (c Code) ExitCode() int {
	for _, row := range codes {
		if row.code == c {
			return row.exit
		}
	}
	return ExitFailure
}

// CodeOfStatus returns the code of an HTTP status, for answers whose body does
// not carry one, such as those of a proxy in between.
func CodeOfStatus(status int) Code {
	for _, row := range codes {
		if row.status == status {
			return row.code
		}
	}
	switch {
	case status == http.StatusBadGateway || status == http.StatusGatewayTimeout || status == http.StatusTooManyRequests:
		return CodeUnavailable
	case status >= 400 && status < 500:
		return CodeInvalid
	}
	return CodeInternal
}

// Error is a failure as it is answered.
type Error struct {
	// Message says to people what is wrong and what to do next.
	Message string `json:"error"`
	Code    Code   `json:"code"`
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Errorf returns an error of the given code.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Code: code}
}

// CodeOf returns the code of the first Error in the tree of err, CodeInternal
// if there is none. The code of nil is "".
func CodeOf(err error) Code {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	}
	return CodeInternal
}
