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

// Event is something that happened.
type Event struct {
	// Seq numbers the events of a stream, from 1.
	Seq int `json:"seq"`
	// Op is the number of the statement that it belongs to, from 1; 0 outside of one.
	Op int `json:"op"`
	// Task is the name of the task that did it, "" for the scenario itself.
	Task string `json:"task,omitempty"`
	// Func is the kernel function, "" outside of the kernel.
	Func string `json:"func,omitempty"`
	// Rule is the number of the rule of docs/rules.md that the event is an instance of.
	Rule string `json:"rule,omitempty"`
	// Kind is a stable name: see docs/trace.md.
	Kind string `json:"kind"`
	// Object is what it happened to.
	Object string `json:"object,omitempty"`
	// Args are the details, in an order that is fixed for each kind.
	Args Args `json:"args,omitempty"`
}

// Args are the details of an event.
type Args []sim.Arg

// Stream is all that happened in a run.
type Stream []Event

// value makes of a detail what JSON gives back as it is: a string, a number, a truth value or
// strings. Addresses and other words of the machine become strings, since a program that reads
// JSON's numbers as floats would round them.
func value(v any) any {
	switch v := v.(type) {
	case uint64:
		return fmt.Sprintf("%#x", v)
	case string, bool, int, []string:
		return v
	}
	return fmt.Sprint(v)
}

// Str is the detail of that name as text, "" if there is none.
func (e *Event) Str(key string) string {
	for _, a := range e.Args {
		if a.Key == key {
			return fmt.Sprint(a.Value)
		}
	}
	return ""
}

// Addr is a detail that is an address or another word, 0 if there is none.
func (e *Event) Addr(key string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimPrefix(e.Str(key), "0x"), 16, 64)
	return n
}

// Int is a detail that is a count, 0 if there is none.
func (e *Event) Int(key string) int {
	n, _ := strconv.Atoi(e.Str(key))
	return n
}

// List is a detail that is a list, nil if there is none.
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

// UnmarshalJSON reads what MarshalJSON has written. It returns an error for anything but an
// object of values that an event can have; null is an object without any.
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
		return fmt.Errorf("args: %.40s is no object", text)
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
	return nil, fmt.Errorf("%s is no string, number, truth value or list of strings", raw)
}

// marshal is json.Marshal with < and > as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// WriteJSON writes an event a line.
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

// ReadJSON reads what WriteJSON has written, up to the end of r. An error names the event. The
// events need not make sense together: one may lack what its kind has, and any may be missing.
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
