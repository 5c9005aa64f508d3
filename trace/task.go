package trace

import "slices"

// Task is a task, as far as the stream shows it.
type Task struct {
	Name  string
	Space string // its address space
	Func  string // the kernel function of its last event, "" for user mode
	// State is "running", "asleep", "waiting" (for a lock), "done" or "killed". Sleep is
	// the sleep state that the task has set: "TASK_KILLABLE".
	State, Sleep string
	Waits        string   // the lock that it waits for
	Holds        []string // the locks that it holds, as "mmap_lock (read)"
}

// taskOf returns the task of an event, nil if none. A task that does something is awake.
func (s *State) taskOf(e *Event) *Task {
	if e.Task == "" {
		return &Task{}
	}
	t := s.task(e.Task)
	t.State, t.Func, t.Waits = "running", e.Func, ""
	return t
}

func (s *State) task(name string) *Task {
	if t := s.Task(name); t != nil {
		return t
	}
	t := &Task{Name: name}
	s.Tasks = append(s.Tasks, t)
	return t
}

// Task returns the task with the name, nil if none.
func (s *State) Task(name string) *Task {
	if i := slices.IndexFunc(s.Tasks, func(t *Task) bool { return t.Name == name }); i >= 0 {
		return s.Tasks[i]
	}
	return nil
}

func (s *State) applyTask(t *Task, e *Event) {
	switch e.Kind {
	case "task_new":
		*t = Task{Name: t.Name, Space: e.Str("mm"), State: "running"}
	case "task_exit":
		t.State, t.Func, t.Holds = "done", "", nil
		if e.Str("killed") == "true" {
			t.State = "killed"
		}
	case "set_current_state":
		t.Sleep = e.Object
		if e.Object == "TASK_RUNNING" {
			t.Sleep = ""
		}
	case "schedule":
		if e.Object != "TASK_RUNNING" { // otherwise the task was woken before it slept
			t.State = "asleep"
		}
	case "try_to_wake_up":
		if target := s.task(e.Object); e.Str("woken") == "true" {
			target.Sleep = ""
			if target.State == "asleep" {
				target.State = "running"
			}
		}
	}
}

func (t *Task) applyLock(e *Event) {
	how := map[string]string{"down_read": " (read)", "up_read": " (read)", "down_write": " (write)", "up_write": " (write)"}
	lock := e.Object + how[e.Kind]
	switch e.Kind {
	case "spin_lock", "down_read", "down_write":
		t.Holds = append(t.Holds, lock)
	case "spin_unlock", "up_read", "up_write":
		if i := slices.Index(t.Holds, lock); i >= 0 {
			t.Holds = slices.Delete(t.Holds, i, i+1)
		}
	default:
		t.State, t.Waits = "waiting", e.Object
	}
}
