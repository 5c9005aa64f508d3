package trace

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// State is what the machine looks like after an event, as far as the stream tells. The zero value is
// the state before the first.
type State struct {
	Seq  int // of the event applied last
	Op   int // the statement that is running, or ran last
	Line int // where it stands in the scenario

	Spaces   []*Space   // in the order in which they came
	Contexts []*Context // likewise
	Tasks    []*Task    // likewise

	Touched      uint64 // the address that was touched last
	TouchedSpace string // and whose it was
	Finding      string // what ended the run, "" for nothing

	opened  *Context // made by the running statement, nil if it made none
	aliases []string // of the contexts so far
}

// Apply makes of the state before an event the one after it.
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

// ended names the context that a statement has made, as the operation maps does: after the
// statement's result, with a number if it has no name or if another context has it.
func (s *State) ended(e *Event) {
	c := s.opened
	s.opened = nil
	if _, err := strconv.ParseUint(e.Str("answer"), 0, 64); err != nil { // it failed, or is blocked
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

// Space is the address space of that name, nil if nothing has been told of it.
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

// Context returns the context with the name, or else the one with the alias; nil if none. A
// scenario may call its second context "ctx1".
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
	Alias    string // what the operation maps calls it, "" outside of a scenario
	Space    string // whose faults it gets
	State    string // of the handshake
	Refs     int
	Released bool
	Releaser string // the task that closes its last descriptor, "" before
	Freed    bool
	Queues   [3][]string // by Queue: who is in it, newest first, as "t1@0x101000"
}

// The queues of a context.
const (
	Pending = iota // fault_pending_wqh: not read yet
	Read           // fault_wqh: read
	Readers        // fd_wqh: readers and pollers
)

// QueueNames returns their names in the kernel.
func QueueNames() [3]string { return queueNames }

var queueNames = [3]string{Pending: "fault_pending_wqh", Read: "fault_wqh", Readers: "fd_wqh"}

// Label is what to call the context: as the scenario does, where it does.
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
