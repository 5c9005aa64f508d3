package scenario

// kind says what an argument may be, or what a name stands for.
type kind uint8

const (
	kindNone     kind = iota
	kindAny           // a name whose statement is a mistake
	kindFD            // a descriptor: a name or a number
	kindAddress       // a number, or the name of what mmap answered
	kindProcess       // what fork answered
	kindNumber        // a number, or names of the parameter's domain with | between them
	kindName          // one name of the parameter's domain
	kindLength        // of bytes that the scenario sees
	kindCount         // 1 or more
	kindTimeout       // 0 or -1
	kindBytes         // 'A' or "bytes"
	kindTask          // a task that has done something
	kindIoctlArg      // a struct, an address or raw bytes
	kindSetting       // name=value
)

// String is what a message calls one.
func (k kind) String() string {
	return [...]string{"nothing", "anything", "a descriptor", "an address", "a process", "a number", "a name",
		"a number of bytes", "a count", "a timeout", "a character or a string", "a task",
		"a struct, an address or a string", "name=value"}[k]
}

// maxLength bounds the bytes that a load shows.
const maxLength = 64 << 10
