// Package graphql is the second door to the relay's management: the queries and mutations of schemas/kirim.graphql, which do
// what the REST API's calls do, by the same rules. How operations are executed is gqlgen's, in package exec.
package graphql

//go:generate go run ../../schemas/derive management management.graphqls
//go:generate go tool gqlgen generate --config gqlgen.yml
