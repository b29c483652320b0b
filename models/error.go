package models

import (
	"errors"
	"fmt"
)

// Code says what kind of error this is; the API maps each code to one HTTP status, once.
type Code string

// The codes.
const (
	CodeInvalid      Code = "invalid"      // 422: what was given cannot be taken
	CodeUnauthorized Code = "unauthorized" // 401: nobody, or not who they say
	CodeForbidden    Code = "forbidden"    // 403: not theirs to do
	CodeNotFound     Code = "not-found"    // 404
	CodeConflict     Code = "conflict"     // 409: exists with other content, or the state does not allow it
	CodeTooLarge     Code = "too-large"    // 413
	CodeUnavailable  Code = "unavailable"  // 503: a part is away, come again
	CodeTooMany      Code = "too-many"     // 429
	CodeInternal     Code = "internal"     // 500
)

// Error is an error with a message that the person who caused it can read (Chinese), and a cause for the log.
type Error struct {
	Code    Code
	Field   string // the field, column or setting in question, if one
	Message string // Chinese; says what is wrong and what to do
	Cause   error  // for the log only
}

// Error gives message and cause, for logs.
func (e *Error) Error() string {
	s := e.Message
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an error with a code and a Chinese message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid names the field that cannot be taken and why.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// NotFound names what is not there.
func NotFound(format string, args ...any) *Error { return Errorf(CodeNotFound, format, args...) }

// Conflict says which state or content stands in the way.
func Conflict(format string, args ...any) *Error { return Errorf(CodeConflict, format, args...) }

// CodeOf finds the code in a chain of errors; CodeInternal if none is there.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
