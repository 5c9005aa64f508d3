package scenario

import (
	"fmt"

	"github.com/uffdsim/uffdsim/mm"
)

// The accesses of a program, and of the kernel on its behalf, to the bytes of its memory.
var touchOperations = []Operation{
	{
		Name:    "load",
		Doc:     "reads n bytes as the program's own instructions do: a fault makes the task sleep, or sends a signal.",
		Example: "t2: load(0x101000) = blocked",
		params:  []param{{name: "addr", kind: kindAddress}, {name: "n", kind: kindLength, optional: true, standard: "1"}},
		run: func(c *call) answer {
			buf := make([]byte, c.numberOr(1, 1))
			if outcome, at := c.task.Load(c.number(0), buf); outcome != mm.Done {
				return signalled(outcome, at)
			}
			return answer{text: "loaded " + quote(buf)}
		},
	},
	{
		Name:    "store",
		Doc:     "writes a byte, or the bytes of a string, as the program's own instructions do.",
		Example: "t2: store(0x102000, 'A') = stored",
		params:  []param{{name: "addr", kind: kindAddress}, {name: "data", kind: kindBytes}},
		run: func(c *call) answer {
			if outcome, at := c.task.Store(c.number(0), c.args[1].bytes); outcome != mm.Done {
				return signalled(outcome, at)
			}
			return answer{text: "stored"}
		},
	},
	{
		Name:    "copy_from_user",
		Doc:     "makes the kernel read n bytes of the program's memory, as write(2) to a pipe does: a failing fault is EFAULT.",
		Example: "t2: copy_from_user(0x101000, 8) = blocked",
		params:  []param{{name: "addr", kind: kindAddress}, {name: "n", kind: kindLength}},
		run: func(c *call) answer {
			buf := make([]byte, c.number(1))
			if err := c.task.CopyFromUser(buf, c.number(0)); err != nil {
				return failure(err)
			}
			return answer{text: "copied " + quote(buf)}
		},
	},
	{
		Name:    "copy_to_user",
		Doc:     "makes the kernel write bytes to the program's memory, as read(2) from a pipe does.",
		Example: `t2: copy_to_user(0x102000, "hello") = 0`,
		params:  []param{{name: "addr", kind: kindAddress}, {name: "data", kind: kindBytes}},
		run:     func(c *call) answer { return status(c.task.CopyToUser(c.number(0), c.args[1].bytes)) },
	},
}

// quote returns bytes as the language writes them: one as 'A', more as "bytes".
func quote(b []byte) string {
	if len(b) == 1 {
		return quoteWith('\'', b)
	}
	return quoteWith('"', b)
}

// quoteWith returns bytes, which may be no text, between quotes.
func quoteWith(quote byte, b []byte) string {
	out := []byte{quote}
	for _, c := range b {
		switch {
		case c == quote || c == '\\':
			out = append(out, '\\', c)
		case c == 0:
			out = append(out, `\0`...)
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\t':
			out = append(out, `\t`...)
		case c < ' ' || c > '~':
			out = fmt.Appendf(out, `\x%02x`, c)
		default:
			out = append(out, c)
		}
	}
	return string(append(out, quote))
}
