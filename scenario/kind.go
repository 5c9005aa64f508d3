package scenario

// kind is the kind of an argument, or of the value of a name.
type kind uint8

const (
	kindNone     kind = iota
	kindAny           // a name that a statement with a mistake defines
	kindFD            // a descriptor: a name or a number
	kindAddress       // a number, or the name of an address that mmap returned
	kindProcess       // a process that fork created
	kindNumber        // a number, or names of the parameter's domain with | between them
	kindName          // one name of the parameter's domain
	kindLength        // a number of bytes that the answer shows
	kindCount         // 1 or more
	kindTimeout       // 0 or -1
	kindBytes         // 'A' or "bytes"
	kindTask          // a task that has done something
	kindIoctlArg      // a struct, an address or raw bytes
	kindSetting       // name=value
)

// String returns the kind as messages name it.
func (k kind) String() string {
	return [...]string{"nothing", "anything", "a descriptor", "an address", "a process", "a number", "a name",
		"a number of bytes", "a count", "a timeout", "a character or a string", "a task",
		"a struct, an address or a string", "name=value"}[k]
}

// maxLength is the maximal number of bytes that an answer shows.
const maxLength = 64 << 10
