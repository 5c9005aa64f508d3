package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
)

// Event is an event of a run.
type Event struct {
	// Seq numbers the events of a stream, from 1.
	Seq int `json:"seq"`
	// Op is the number of the statement to which the event belongs, from 1; 0 if none.
	Op int `json:"op"`
	// Task is the name of the task that did it, "" for the scenario itself.
	Task string `json:"task,omitempty"`
	// Func is the kernel function, "" outside of the kernel.
	Func string `json:"func,omitempty"`
	// Rule is the number of the rule of docs/rules.md that the event is an instance of.
	Rule string `json:"rule,omitempty"`
	// Kind is a stable name: see docs/trace.md.
	Kind string `json:"kind"`
	// Object is the object that the event changes or uses.
	Object string `json:"object,omitempty"`
	// Args are the details, in a fixed order for each kind.
	Args Args `json:"args,omitempty"`
}

// Args are the details of an event.
type Args []sim.Arg

// Stream is the sequence of events of a run.
type Stream []Event

// value converts a detail to a type that survives JSON: a string, a number, a boolean
// or a list of strings. Addresses and other machine words become strings, because a
// program that reads JSON numbers as floats would round them.
func value(v any) any {
	switch v := v.(type) {
	case uint64:
		return fmt.Sprintf("%#x", v)
	case string, bool, int, []string:
		return v
	}
	return fmt.Sprint(v)
}

// Str returns the detail with the name as text, "" if none.
func (e *Event) Str(key string) string {
	for _, a := range e.Args {
		if a.Key == key {
			return fmt.Sprint(a.Value)
		}
	}
	return ""
}

// Addr returns a detail that is an address or another machine word, 0 if none.
func (e *Event) Addr(key string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimPrefix(e.Str(key), "0x"), 16, 64)
	return n
}

// Int returns a detail that is a count, 0 if none.
func (e *Event) Int(key string) int {
	n, _ := strconv.Atoi(e.Str(key))
	return n
}

// List returns a detail that is a list, nil if none.
func (e *Event) List(key string) []string {
	for _, a := range e.Args {
		if l, ok := a.Value.([]string); ok && a.Key == key {
			return l
		}
	}
	return nil
}

// MarshalJSON writes the details as an object, in their order.
func (a Args) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, arg := range a {
		if i > 0 {
			b = append(b, ',')
		}
		text, err := marshal(arg.Value)
		if err != nil {
			return nil, err
		}
		key, err := marshal(arg.Key)
		if err != nil {
			return nil, err
		}
		b = append(append(b, key...), ':')
		b = append(b, text...)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads the output of MarshalJSON. It returns an error for anything except
// an object whose values an event can have. null is an empty object.
func (a *Args) UnmarshalJSON(text []byte) error {
	*a = nil
	d := json.NewDecoder(bytes.NewReader(text))
	begin, err := d.Token()
	switch {
	case err != nil:
		return err
	case begin == nil:
		return nil
	case begin != json.Delim('{'):
		return fmt.Errorf("args: %.40s is not an object", text)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		v, err := unmarshal(raw)
		if err != nil {
			return fmt.Errorf("%v: %w", key, err)
		}
		*a = append(*a, sim.Arg{Key: fmt.Sprint(key), Value: v})
	}
	return nil
}

func unmarshal(raw json.RawMessage) (any, error) {
	var (
		s    string
		n    int
		b    bool
		list []string
	)
	switch {
	case json.Unmarshal(raw, &s) == nil:
		return s, nil
	case json.Unmarshal(raw, &n) == nil:
		return n, nil
	case json.Unmarshal(raw, &b) == nil:
		return b, nil
	case json.Unmarshal(raw, &list) == nil:
		return list, nil
	}
	return nil, fmt.Errorf("%s is not a string, number, boolean or list of strings", raw)
}

// marshal is json.Marshal without escapes for < and >.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// WriteJSON writes one event a line.
func (s Stream) WriteJSON(w io.Writer) error {
	out := bufio.NewWriter(w)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for i := range s {
		if err := e.Encode(&s[i]); err != nil {
			return err
		}
	}
	return out.Flush()
}

// ReadJSON reads the output of WriteJSON, up to the end of r. An error names the event.
// The events need not be consistent: an event may lack details of its kind, and events
// may be missing.
func ReadJSON(r io.Reader) (Stream, error) {
	var s Stream
	d := json.NewDecoder(r)
	for {
		var e Event
		switch err := d.Decode(&e); {
		case err == io.EOF:
			return s, nil
		case err != nil:
			return nil, fmt.Errorf("event %d: %w", len(s)+1, err)
		}
		s = append(s, e)
	}
}
