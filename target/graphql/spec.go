package graphql

// Kind is what a value or a result is, whatever GraphQL type carries it.
type Kind int

// The kinds.
const (
	// Text is a string, an id, an enum's value, or a scalar of the server's own.
	Text Kind = iota
	// Number is a whole number.
	Number
	// Flag is true or false.
	Flag
	// Texts is a list of texts.
	Texts
	// JSON is anything that JSON can say.
	JSON
	// Object is an object with members, Objects a list of such.
	Object
	Objects
)

// String names the kind for messages.
func (k Kind) String() string {
	return map[Kind]string{
		Text: "text", Number: "a number", Flag: "true or false", Texts: "a list of texts", JSON: "JSON", Object: "an object",
		Objects: "a list of objects",
	}[k]
}

// Value is something that the caller can put into variables.
type Value struct {
	Name string
	Kind Kind
	// Sometimes says that some calls go without the value; it is then left out of the variables.
	Sometimes bool
	// Words are what the value can be, where that is known. Each must have its place in an enum.
	Words []string
}

// Result is something that the caller reads from an answer.
type Result struct {
	Name string
	Kind Kind
	// Needed results must be mapped, or be selected under their own name.
	Needed bool
	// Words are what the result can be, where that is known; an enum's values are turned into them.
	Words []string
	// Members are those of an Object, or of each of several Objects.
	Members []Result
}

// Spec is what a caller needs of an operation.
type Spec struct {
	Values []Value
	// List says that the answer is a page of a list. Results are then those of one item; has_more and next_cursor are
	// added.
	List    bool
	Results []Result
}

// Mapping says where an operation differs from the names of its Spec.
type Mapping struct {
	// Variables are templates by the names of variables. A text that is {name}, and nothing else, stands for the value
	// of that name; everything else is sent as it is. A variable that has no template, and is called like a value, is
	// that value; one that is an input object gets the values that are called like its fields.
	Variables map[string]any
	// Result are paths in the data of the answer, by the names of results, dotted for members. A path is dotted, or a
	// JSON pointer. at is the object that the others are below, by default the only field of the operation; for lists,
	// items, has_more and next_cursor are paths in the whole data, and the others are below each item.
	Result map[string]string
	// Words are the server's words for those of the caller.
	Words map[string]string
	// UserErrors is the path to a list of errors in the data, for servers that tell refusals there; empty for others.
	UserErrors string
}

// The names in Mapping.Result that are no results.
const (
	atKey         = "at"
	itemsKey      = "items"
	hasMoreKey    = "has_more"
	nextCursorKey = "next_cursor"
)
