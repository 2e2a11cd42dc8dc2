package target

import (
	"net/http"

	"github.com/kirimcheck/kirimcheck/target/graphql"
)

// usualCodes are the codes that GraphQL servers have in common, and what they mean in HTTP.
var usualCodes = map[string]int{
	"BAD_USER_INPUT": http.StatusBadRequest, "BAD_REQUEST": http.StatusBadRequest,
	"GRAPHQL_PARSE_FAILED": http.StatusBadRequest, "GRAPHQL_VALIDATION_FAILED": http.StatusBadRequest,
	"UNAUTHENTICATED": http.StatusUnauthorized, "UNAUTHORIZED": http.StatusUnauthorized, "FORBIDDEN": http.StatusForbidden,
	"NOT_FOUND": http.StatusNotFound, "CONFLICT": http.StatusConflict,
	"RATE_LIMITED": http.StatusTooManyRequests, "TOO_MANY_REQUESTS": http.StatusTooManyRequests,
	"INTERNAL_SERVER_ERROR": http.StatusInternalServerError,
}

// typesOf are the REST API's types of errors by status (documentation: errors).
var typesOf = map[int]string{
	http.StatusBadRequest: "invalid_request_error", http.StatusUnprocessableEntity: "invalid_request_error",
	http.StatusUnauthorized: "authentication_error", http.StatusForbidden: "permission_error", http.StatusNotFound: "not_found",
	http.StatusConflict: "conflict", http.StatusTooManyRequests: "rate_limit_error",
}

// codesOf are the REST API's codes where a status has one, for servers that tell a code of the usual ones.
var codesOf = map[int]string{
	http.StatusNotFound: "resource_not_found", http.StatusTooManyRequests: "rate_limit_exceeded",
}

// refusal turns an error of GraphQL into one of the management API. The status comes from what the target file says of the
// code, from the error itself, from the usual codes, or from the answer's own status, in this order.
func (m *GraphQL) refusal(r *Reply, e graphql.Error, inData bool) error {
	c := m.config.Errors
	code := e.Text(orText(c.Code, "code"))
	if id := e.Text("request_id"); id != "" {
		r.RequestID = id
	}
	message := m.hide(e.Message)
	if where := e.Where(); where != "" && !inData {
		message = where + ": " + message
	}
	refused := &APIError{
		Call: r.call, Code: code, Type: e.Text(orText(c.Type, "type")), Param: e.Text(orText(c.Param, "param")), Message: message,
	}
	mapped, known := c.Codes[code]
	refused.Status = mapped.Status
	for _, at := range []string{c.Status, "http.status", "status"} {
		if refused.Status == 0 && at != "" {
			refused.Status = e.Status(at)
		}
	}
	if usual := usualCodes[code]; usual != 0 {
		if refused.Status == 0 {
			refused.Status = usual
		}
		if ours := codesOf[refused.Status]; ours != "" && !known {
			refused.Code = ours
		}
	}
	if refused.Status == 0 && r.Status >= http.StatusBadRequest {
		refused.Status = r.Status
	}
	if refused.Status == 0 {
		return &UnknownRefusalError{Call: r.call, Code: code, Message: message}
	}
	refused.Code = orText(mapped.Code, refused.Code)
	refused.Type = orText(mapped.Type, orText(refused.Type, orText(typesOf[refused.Status], "api_error")))
	return refused
}
