package schemas

import _ "embed"

//go:generate go run ./derive document ../docs/graphql.md

// graphQL is kirim.graphql: the event catalogue and the management of subscriptions as one GraphQL schema. Its agreement
// with the JSON Schemas is tested.
//
//go:embed kirim.graphql
var graphQL string

// GraphQL returns the text of kirim.graphql.
func GraphQL() string { return graphQL }
