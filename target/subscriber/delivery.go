package subscriber

import (
	"strconv"
	"strings"
	"time"

	"github.com/kirimcheck/kirimcheck/wire"
)

// Delivery is one request as it came over the wire.
type Delivery struct {
	// Number counts the requests to the endpoint from 1, in the order in which they were complete.
	Number int
	Method string
	// Target is the request's target as it was written, such as /x?y.
	Target string
	Proto  string
	Host   string
	// Header are all header lines in their order and case. Over HTTP/2 names are in lower case, sorted.
	Header []wire.Field
	Body   []byte
	// Began is when the first byte came, Arrived when the last one did. Over HTTP/2 Began is when the head was complete.
	Began, Arrived time.Time
	// Conn tells the connections to one server apart, from 1.
	Conn int64
	// OnConn counts the requests on that connection from 1.
	OnConn int
	Remote string
	TLS    bool

	// Status is the status of the answer that was written, 0 where none was.
	Status int
	// Answered is when the answer was written, or broken off on purpose; zero until then.
	Answered time.Time
	// Left is when the client went away before the answer was written; zero otherwise.
	Left time.Time
}

// Get returns the value of the first header line of this name, in any case.
func (d Delivery) Get(name string) string {
	for _, f := range d.Header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Values returns the values of all header lines of this name, in any case.
func (d Delivery) Values(name string) []string {
	var values []string
	for _, f := range d.Header {
		if strings.EqualFold(f.Name, name) {
			values = append(values, f.Value)
		}
	}
	return values
}

// number reads a header as a decimal number; 0 where it is none.
func (d Delivery) number(name string) int {
	n, err := strconv.Atoi(d.Get(name))
	if err != nil {
		return 0
	}
	return n
}

// size is about how much memory the delivery takes, in bytes.
func (d Delivery) size() int64 {
	const fixed = 256
	n := int64(fixed + len(d.Body) + len(d.Target) + len(d.Host))
	for _, f := range d.Header {
		n += int64(32 + len(f.Name) + len(f.Value))
	}
	return n
}
