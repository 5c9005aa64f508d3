package trace

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// State is the state of the machine after an event, as far as the stream shows it. The
// zero value is the state before the first event.
type State struct {
	Seq  int // the last applied event
	Op   int // the statement that runs, or the last one
	Line int // its line in the scenario

	Spaces   []*Space   // in order of creation
	Contexts []*Context // likewise
	Tasks    []*Task    // likewise

	Touched      uint64 // the address of the last access
	TouchedSpace string // and its address space
	Finding      string // the bug that ended the run, "" for none

	opened  *Context // created by the running statement, nil if none
	aliases []string // all aliases so far
}

// Apply changes the state before an event to the state after it.
func (s *State) Apply(e *Event) {
	s.Seq = e.Seq
	t := s.taskOf(e)
	switch e.Kind {
	case "run_end":
		s.Finding = e.Str("finding")
	case "op_begin":
		s.Op, s.Line, s.opened = e.Op, e.Int("line"), nil
	case "op_end":
		s.ended(e)
	case "task_new", "task_exit", "set_current_state", "schedule", "try_to_wake_up":
		s.applyTask(t, e)
	case "spin_lock", "spin_unlock", "down_read", "up_read", "down_write", "up_write", "spin_lock_wait", "down_read_wait", "down_write_wait":
		t.applyLock(e)
	case "fault_begin":
		s.Touched, s.TouchedSpace = e.Addr("address"), t.Space
	case "vma_insert", "vma_remove", "vma_change", "mm_exit":
		s.space(e.Str("mm")).applyVMA(e)
	case "pgd_set", "pud_set", "pmd_set", "pte_set", "pgd_clear", "pud_clear", "pmd_clear", "pte_clear", "pmd_split":
		s.space(e.Str("mm")).applyEntry(e)
	case "ctx_new", "ctx_state", "ctx_released", "ctx_free", "ref_get", "ref_put":
		c := s.context(e.Object)
		c.apply(e)
		if e.Kind == "ctx_new" {
			s.opened = c
		}
	case "queue_add", "queue_del", "queue_del_init":
		s.context(e.Str("ctx")).applyQueue(e)
	}
}

// ended names the context that a statement has created, as the operation maps does: after
// the statement's result, with a number if the result has no name or if another context
// has it.
func (s *State) ended(e *Event) {
	c := s.opened
	s.opened = nil
	if _, err := strconv.ParseUint(e.Str("answer"), 0, 64); err != nil { // the statement failed, or sleeps
		return
	}
	if c == nil || c.Alias != "" || !strings.HasPrefix(e.Object, "userfaultfd(") {
		return
	}
	c.Alias = e.Str("name")
	for n := len(s.aliases) + 1; c.Alias == "" || slices.Contains(s.aliases, c.Alias); n++ {
		c.Alias = fmt.Sprintf("%s#%d", e.Str("name"), n)
	}
	s.aliases = append(s.aliases, c.Alias)
}

func (s *State) space(name string) *Space {
	for _, sp := range s.Spaces {
		if sp.Name == name {
			return sp
		}
	}
	sp := &Space{Name: name, Entries: map[Slot]Entry{}}
	s.Spaces = append(s.Spaces, sp)
	return sp
}

// Space returns the address space with the name, nil if no event has named it.
func (s *State) Space(name string) *Space {
	if i := slices.IndexFunc(s.Spaces, func(sp *Space) bool { return sp.Name == name }); i >= 0 {
		return s.Spaces[i]
	}
	return nil
}

func (s *State) context(name string) *Context {
	for _, c := range s.Contexts {
		if c.Name == name {
			return c
		}
	}
	c := &Context{Name: name}
	s.Contexts = append(s.Contexts, c)
	return c
}

// Context returns the context with the name, or else the one with the alias; nil if none.
// A scenario may call its second context "ctx1".
func (s *State) Context(name string) *Context {
	i := slices.IndexFunc(s.Contexts, func(c *Context) bool { return c.Name == name })
	if i < 0 {
		i = slices.IndexFunc(s.Contexts, func(c *Context) bool { return name != "" && c.Alias == name })
	}
	if i < 0 {
		return nil
	}
	return s.Contexts[i]
}

// Context is a userfaultfd context.
type Context struct {
	Name     string // "ctx1"
	Alias    string // its name in the operation maps, "" outside a scenario
	Space    string // the address space whose faults it gets
	State    string // of the handshake
	Refs     int
	Released bool
	Releaser string // the task that closes its last descriptor, "" before
	Freed    bool
	Queues   [3][]string // the waiters of each queue, newest first, as "t1@0x101000"
}

// The queues of a context.
const (
	Pending = iota // fault_pending_wqh: not read yet
	Read           // fault_wqh: read
	Readers        // fd_wqh: readers and pollers
)

// QueueNames returns the names of the queues in the kernel.
func QueueNames() [3]string { return queueNames }

var queueNames = [3]string{Pending: "fault_pending_wqh", Read: "fault_wqh", Readers: "fd_wqh"}

// Label returns the scenario's name for the context, or else its own.
func (c *Context) Label() string {
	if c.Alias != "" {
		return c.Alias
	}
	return c.Name
}

func (c *Context) apply(e *Event) {
	switch e.Kind {
	case "ctx_new":
		c.Space, c.State, c.Refs = e.Str("mm"), e.Str("state"), e.Int("count")
	case "ctx_state":
		c.State = e.Str("state")
	case "ctx_released":
		c.Released, c.Releaser = true, e.Task
	case "ctx_free":
		c.Freed = true
	default:
		c.Refs = e.Int("count")
	}
}

func (c *Context) applyQueue(e *Event) {
	if i := slices.Index(queueNames[:], e.Object); i >= 0 {
		c.Queues[i] = slices.Clone(e.List("queue"))
	}
}
