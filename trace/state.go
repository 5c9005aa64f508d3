package trace

import (
	"slices"
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
}

// Apply makes of the state before an event the one after it.
func (s *State) Apply(e *Event) {
	s.Seq = e.Seq
	t := s.taskOf(e)
	switch e.Kind {
	case "run_end":
		s.Finding = e.Str("finding")
	case "op_begin":
		s.Op, s.Line = e.Op, e.Int("line")
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
		s.context(e.Object).apply(e)
	case "queue_add", "queue_del", "queue_del_init":
		s.context(e.Str("ctx")).applyQueue(e)
	}
}

// ended notes what a statement has come to: a name for a context, the end of a task.
func (s *State) ended(e *Event) {
	if name := e.Str("name"); name != "" && strings.HasPrefix(e.Object, "userfaultfd(") && len(s.Contexts) > 0 {
		if c := s.Contexts[len(s.Contexts)-1]; c.Alias == "" {
			c.Alias = name
		}
	}
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

// Context is the context with a name or an alias, nil if there was none.
func (s *State) Context(name string) *Context {
	for _, c := range s.Contexts {
		if c.Name == name || c.Alias == name {
			return c
		}
	}
	return nil
}

// Context is a userfaultfd context.
type Context struct {
	Name     string // "ctx1"
	Alias    string // what the scenario calls its descriptor, "" for nothing
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
