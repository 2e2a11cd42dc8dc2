package mutants

import (
	"bytes"
	"regexp"
	"strconv"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/kirimcheck/kirimcheck/contract"
	"github.com/kirimcheck/kirimcheck/emitter/pipeline"
	"github.com/kirimcheck/kirimcheck/emitter/server"
	"github.com/kirimcheck/kirimcheck/fixtures"
)

// appended leaves Meta's bytes alone and writes the object of the edition kirimdev behind them, with what the reference
// leaves out of it.
func appended(p *server.Parts) {
	p.Relay.Behaviour.Annotate = func(body []byte, a fixtures.Annotation) ([]byte, error) {
		if a.Contact == nil {
			// A status.
			return body, nil
		}
		if a.MediaStatus != "" {
			a.MediaStatus, a.MediaURL = fixtures.MediaReady, "https://media.example.com/"+a.MessageID
		}
		only, err := fixtures.Annotate([]byte("{}"), a)
		if err != nil {
			return nil, err
		}
		end := bytes.LastIndexByte(body, '}')
		out := append(bytes.Clone(body[:end]), ',')
		out = append(out, only[1:len(only)-1]...)
		return append(out, body[end:]...), nil
	}
	p.Relay.Behaviour.Compose = func(_ string, body []byte) []byte { return fractions.ReplaceAll(body, []byte("Z\"")) }
	deliveryIDs(p)
}

// fractions are the milliseconds of a time.
var fractions = regexp.MustCompile(`\.[0-9]{3}Z"`)

// deliveryIDs puts an id of the delivery into the object, another one with every attempt, and signs what it sends.
func deliveryIDs(p *server.Parts) {
	p.Relay.Rules.DeliveryID = pipeline.IDPerDelivery
	// The signature is made before the request: both know the delivery and the attempt.
	stamp := func(body []byte, delivery string, attempt int) []byte {
		if !gjson.GetBytes(body, contract.AnnotationKey).IsObject() {
			return body
		}
		id := delivery[:len(delivery)-1] + strconv.Itoa(attempt)
		if out, err := sjson.SetBytes(body, contract.AnnotationKey+".delivery_id", id); err == nil {
			return out
		}
		return body
	}
	right, names := p.Relay.Rules.Sign, p.Relay.Edition.Headers
	p.Relay.Rules.Sign = func(s pipeline.Signing) string {
		s.Body = stamp(s.Body, s.Delivery.ID, s.Attempt)
		return right(s)
	}
	onWire(func(r *pipeline.Request) {
		if attempt, err := strconv.Atoi(get(r, names.Attempt)); err == nil {
			r.Body = stamp(r.Body, get(r, names.DeliveryID), attempt)
		}
	})(p)
}
