package uffd_test

import (
	"go/ast"
	"go/parser"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const tinyOrder = `
handle
    lock fault_pending_wqh
    add fault_pending_wqh
    set_state KILLABLE
    unlock fault_pending_wqh
    - schedule          # it never sleeps
    + test released     # 4.11
    + return SIGBUS: no handshake  # 4.11
    + return SIGBUS: released      # 4.11
    return EINVAL: no room
    return EINVAL: no_wait
    call put
put
    dec refcount
    either put mm | + drop mm      # 6.1
`

const tinySource = `package tiny

func (c *Ctx) handle(t *sim.Task) error {
	c.faultPendingWqh.Lock.Lock(t)
	c.join(t)
	c.faultPendingWqh.Lock.Unlock(t)
	if c.facts.Unregister.Wakes && (state == StateWaitAPI || c.released.Load(t) != 0) {
		return mm.VMFaultSIGBUS
	}
	switch {
	case count < abi.MsgSize, noWait:
		return errno.EINVAL
	}
	c.put(t)
	return nil
}

func (c *Ctx) join(t *sim.Task) {
	c.enqueue(t, nil)
	t.SetState(sim.Killable)
}

func (c *Ctx) put(t *sim.Task) {
	c.refcount.Dec(t)
	if c.facts.Create.ReadOnly {
		c.mm.Drop(t)
	}
	c.mm.Put(t)
}

type Ctx struct{}
`

// The comparison reports an operation that is out of order, missing or extra.
func TestOrderIsCompared(t *testing.T) {
	goNames := map[string]string{"handle": "tiny.(*Ctx).handle", "put": "tiny.(*Ctx).put"}
	for _, tt := range []struct{ name, from, to, want string }{
		{name: "the same order"},
		{
			"the state after the lock is dropped",
			"	t.SetState(sim.Killable)\n}", "}",
			`handle: tiny.(*Ctx).handle differs in order (> is a difference)
      testdata/order.txt                  | Go
      lock fault_pending_wqh              | lock fault_pending_wqh              tiny.go:4
      add fault_pending_wqh               | add fault_pending_wqh               tiny.go:19
    > set_state KILLABLE                  |
      unlock fault_pending_wqh            | unlock fault_pending_wqh            tiny.go:6
`,
		},
		{
			"a reference dropped too early",
			"	c.join(t)", "	c.put(t); c.join(t)",
			`
      lock fault_pending_wqh              | lock fault_pending_wqh              tiny.go:4
    >                                     | call put                            tiny.go:5
      add fault_pending_wqh               | add fault_pending_wqh               tiny.go:19
`,
		},
		{
			"an operation that the kernel lacks",
			"	return nil", "	t.Schedule(); return nil",
			"    >                                     | schedule                            tiny.go:15\n",
		},
		{
			"an operation hidden in a function literal",
			"	return nil", "	f := func() { t.Schedule() }; f(); return nil",
			"    >                                     | schedule                            tiny.go:15\n",
		},
		{
			"an operation hidden in another task",
			"	c.put(t)", "	go c.put(t)",
			"    >                                     | *ast.GoStmt, which is not followed  tiny.go:14\n",
		},
		{
			"one of two alternatives missing",
			"	c.mm.Put(t)\n", "",
			"    > put mm                              |\n",
		},
		{
			"one of two alternatives twice",
			"	c.mm.Put(t)\n", "	c.mm.Drop(t)\n",
			"    > put mm                              |\n",
		},
		{
			"a later operation in every kernel",
			"c.facts.Unregister.Wakes && (", "(",
			`
    > + test released                     |
    > + return SIGBUS: no handshake       |
    > + return SIGBUS: released           |
    >                                     | test released                       tiny.go:7
    >                                     | return SIGBUS: no handshake         tiny.go:8
    >                                     | return SIGBUS: released             tiny.go:8
`,
		},
		{
			"a later operation until then",
			"c.facts.Unregister.Wakes", "!c.facts.Unregister.Wakes",
			"    > + test released                     |\n",
		},
		{
			"a later operation at another release",
			"c.facts.Unregister.Wakes", "c.facts.Unregister.OwnerOnly",
			"    > + test released                     | + test released                     tiny.go:7: listed for 4.11, guarded since 6.17\n",
		},
		{
			"a condition that no kernel meets",
			"c.facts.Unregister.Wakes", "c.facts.Unregister.Wakes && !c.facts.Unregister.Wakes",
			"    >                                     | test released, in no kernel         tiny.go:7\n",
		},
		{
			"an operation that later kernels alone have",
			"	c.put(t)", "	if c.facts.LowAddress { c.put(t) }",
			"    >                                     | + call put                          tiny.go:14\n",
		},
		{
			"conditions in another order",
			"count < abi.MsgSize, noWait", "noWait, count < abi.MsgSize",
			`
    > return EINVAL: no room              |
      return EINVAL: no_wait              | return EINVAL: no_wait              tiny.go:12
    >                                     | return EINVAL: no room              tiny.go:12
`,
		},
		{
			"a condition missing",
			"count < abi.MsgSize, noWait", "count < abi.MsgSize",
			"    > return EINVAL: no_wait              |\n",
		},
		{
			"another condition",
			"count < abi.MsgSize", "count <= abi.MsgSize",
			"    >                                     | return EINVAL                       tiny.go:12\n",
		},
		{"no such function", "put(t *sim.Task)", "drop(t *sim.Task)", "put: no function tiny.(*Ctx).put"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lists, err := parseOrder(tinyOrder)
			require.NoError(t, err)
			prog := newProgram()
			f, err := parser.ParseFile(prog.fset, "tiny.go", strings.Replace(tinySource, tt.from, tt.to, 1), 0)
			require.NoError(t, err)
			prog.add("tiny", []*ast.File{f})
			wrong := strings.Join(checkOrder(prog, lists, goNames), "\n")
			if tt.want == "" {
				require.Empty(t, wrong)
			} else {
				require.Contains(t, wrong, tt.want)
			}
		})
	}
}

// A line with + or - must have a comment that explains it.
func TestOrderIsExplained(t *testing.T) {
	for _, text := range []string{"    mb\n", "f\n    - mb\n", "f\n    + mb\n", "f\n    + mb  # later\n"} {
		_, err := parseOrder(text)
		require.Error(t, err, text)
	}
}
