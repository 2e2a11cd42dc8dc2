package graphql

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// IntrospectionQueries returns the queries that ask a server for its schema, to be tried in this order: the first asks for
// everything in the specification of September 2025, the second for what every server has known since 2016. A server
// refuses a query with a field that it does not know.
func IntrospectionQueries() []string {
	return []string{
		introspection("specifiedByURL isOneOf", "(includeDeprecated: true)", " isDeprecated deprecationReason", "description", "isRepeatable"),
		introspection("", "", "", "", ""),
	}
}

// introspection writes a query with optional parts: fields of types, arguments of lists of input values, fields of input
// values, fields of the schema, and fields of directives.
func introspection(ofType, deprecated, ofInput, ofSchema, ofDirective string) string {
	return oneLine(strings.NewReplacer(
		"$ofType", ofType, "$deprecated", deprecated, "$ofInput", ofInput, "$ofSchema", ofSchema, "$ofDirective", ofDirective,
	).Replace(`query IntrospectionQuery {
		__schema {
			$ofSchema
			queryType { name } mutationType { name } subscriptionType { name }
			types { ...FullType }
			directives { name description $ofDirective locations args$deprecated { ...InputValue } }
		}
	}
	fragment FullType on __Type {
		kind name description $ofType
		fields(includeDeprecated: true) {
			name description args$deprecated { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason
		}
		inputFields$deprecated { ...InputValue }
		interfaces { ...TypeRef }
		enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
		possibleTypes { ...TypeRef }
	}
	fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue$ofInput }
	fragment TypeRef on __Type {
		kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
			ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }
	}`))
}

// What follows is the answer to introspection (specification of GraphQL, section Introspection), as far as it makes SDL.
type (
	introspected struct {
		Description      string
		QueryType        *typeName
		MutationType     *typeName
		SubscriptionType *typeName
		Types            []fullType
		Directives       []directive
	}
	typeName struct{ Name string }
	fullType struct {
		Kind, Name, Description string
		SpecifiedByURL          string
		IsOneOf                 bool
		Fields                  []field
		InputFields             []inputValue
		Interfaces              []typeName
		EnumValues              []enumValue
		PossibleTypes           []typeName
	}
	field struct {
		Name, Description string
		Args              []inputValue
		Type              *typeRef
		deprecation
	}
	inputValue struct {
		Name, Description string
		Type              *typeRef
		DefaultValue      *string
		deprecation
	}
	enumValue struct {
		Name, Description string
		deprecation
	}
	directive struct {
		Name, Description string
		IsRepeatable      bool
		Locations         []string
		Args              []inputValue
	}
	deprecation struct {
		IsDeprecated      bool
		DeprecationReason *string
	}
	typeRef struct {
		Kind, Name string
		OfType     *typeRef
	}
)

// specified are the scalars and directives that every schema has, so that its SDL leaves them out.
var (
	specifiedScalars    = []string{"String", "Int", "Float", "Boolean", "ID"}
	specifiedDirectives = []string{"include", "skip", "deprecated", "specifiedBy", "oneOf"}
)

// FromIntrospection writes the schema definition language of the data that an introspection query returned. Types and
// directives are sorted by name, so that the same schema has always the same text. What introspection does not tell, such
// as directives that were applied, is not in it.
func FromIntrospection(data []byte) (sdl string, err error) {
	var answer struct {
		Schema *introspected `json:"__schema"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return "", fmt.Errorf("the introspection is not of the specified form: %w", err)
	}
	if answer.Schema == nil || answer.Schema.QueryType == nil {
		return "", fmt.Errorf("the introspection has no __schema with a queryType")
	}
	w := &sdlWriter{}
	s := answer.Schema
	w.schema(s)
	slices.SortFunc(s.Directives, func(a, b directive) int { return strings.Compare(a.Name, b.Name) })
	for _, d := range s.Directives {
		if !slices.Contains(specifiedDirectives, d.Name) {
			w.directive(d)
		}
	}
	slices.SortFunc(s.Types, func(a, b fullType) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range s.Types {
		if strings.HasPrefix(t.Name, "__") || t.Kind == "SCALAR" && slices.Contains(specifiedScalars, t.Name) {
			continue
		}
		w.fullType(t)
	}
	if w.err != nil {
		return "", w.err
	}
	return w.String(), nil
}
