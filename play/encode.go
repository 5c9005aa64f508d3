package play

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"

	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/trace/page"
)

// encode returns the response as JSON, in pieces, because encoding/json would keep all of
// it in buffers that double as they grow. The error is the context's, or names the line
// of the scenario that exceeds limit, in bytes.
func (r *Response) encode(ctx context.Context, limit int) (net.Buffers, error) {
	data, rest := *r.Data, *r
	data.Events, rest.Data = []page.Event{}, &data
	frame, err := json.Marshal(&rest)
	if err != nil {
		return nil, err
	}
	before, after, _ := bytes.Cut(frame, []byte("[]")) // events is the first field
	parts, size, line := net.Buffers{before, []byte("[")}, len(frame), 1
	for i := range r.Events {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e := &r.Events[i]
		if e.Kind == "op_begin" {
			line = e.Int("line")
		}
		text, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		if size += len(text) + len(","); size > limit {
			at := syntax.Pos{File: r.Events[0].Str("source"), Line: line, Col: 1}
			msg := fmt.Sprintf("the answer is too long: the run up to here takes more than %d bytes", limit)
			return nil, syntax.Errors{{Pos: at, Msg: msg}}
		}
		if i > 0 {
			parts = append(parts, []byte(","))
		}
		parts = append(parts, text)
	}
	return append(parts, []byte("]"), after, []byte("\n")), nil
}
