package relay

import (
	"fmt"
	"net/http"
)

// The types of errors (documentation: concepts/errors).
const (
	TypeInvalidRequest = "invalid_request_error"
	TypeAuthentication = "authentication_error"
	TypePermission     = "permission_error"
	TypeNotFound       = "not_found"
	TypeConflict       = "conflict"
	TypeRateLimit      = "rate_limit_error"
	TypeAPI            = "api_error"
)

// Error is a call that was refused. Type and code are stable, the message is for people.
type Error struct {
	// Status is the HTTP status that the API answers.
	Status  int
	Type    string
	Code    string
	Message string
	// Param names the field that is at fault, or is empty.
	Param string
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Invalid is a request that says something wrong in one field.
func Invalid(code, param, format string, args ...any) *Error {
	return &Error{http.StatusBadRequest, TypeInvalidRequest, code, fmt.Sprintf(format, args...), param}
}

// NotFound is an object that does not exist, or that another organisation has: the answer is the same
// (documentation: concepts/resource-ids).
func NotFound(what string) *Error {
	return &Error{http.StatusNotFound, TypeNotFound, "resource_not_found", "no such " + what, ""}
}

// Conflict is a call that the object's state does not allow.
func Conflict(code, format string, args ...any) *Error {
	return &Error{http.StatusConflict, TypeConflict, code, fmt.Sprintf(format, args...), ""}
}

// Unauthenticated is a call without a key that is good.
func Unauthenticated(code, message string) *Error {
	return &Error{http.StatusUnauthorized, TypeAuthentication, code, message, ""}
}
