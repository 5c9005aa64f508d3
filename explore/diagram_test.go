package explore

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// Three columns of long steps fit in the width of a diagram.
func TestDiagramFits(t *testing.T) {
	const step = "spin_unlock ctx.faultPendingWqh.Lock"
	rows := []Row{{Task: "t1", Func: "f", Step: step}, {Task: "t2", Step: step}, {Task: "t3", Func: "g", Step: "x"}, {Task: "t3", Func: "g", Step: step}}
	var out strings.Builder
	Diagram(&out, rows)
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSpace(line)), diagramWidth, line)
	}
	require.Regexp(t, `(?m)^\| spin_unlock +\|.*\n\|   ctx\.faultPendingWqh\.Lock +\|`, out.String())

	out.Reset()
	Diagram(&out, rows[:2])
	require.Contains(t, out.String(), "| "+step+"\n", "two columns have room")
}

func TestBroken(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"load x", "load x"},
		{"spin_unlock lock", "spin_unlock|  lock"},
		{"a b c d e f g h", "a b c d e f|  g h"},
		{"longer-than-a-line", "longer-than-a-line"},
		{"lock a.field.of.a.struct", "lock|  a.field.of|  .a.struct"},
	} {
		require.Equal(t, c.want, strings.Join(broken(c.text, 12), "|"))
	}
}
