package trace

// site is where a rule shows in a run: a kernel function does something (kind) to an
// object. The object "" stands for any.
type site struct{ fn, kind, object string }

// reason is the rule that a step follows.
type reason struct {
	rule string // its number in docs/rules.md
	why  string // what would go wrong if the step were left out or came at another time
}

// sites are the steps that a picture explains. Immutable.
var sites = map[site]reason{
	{"userfaultfd_ctx_get", "ref_get", ""}: {"FAULT-6",
		"The fault takes a reference on the context while it holds mmap_lock. Without mmap_lock, close could free the context under it."},
	{"handle_userfault", "queue_add", "fault_pending_wqh"}: {"QUEUE-1",
		"A new fault joins at the head of the pending queue. read(2) takes from the tail, so faults are read in the order in which they came."},
	{"handle_userfault", "set_current_state", "TASK_KILLABLE"}:      announces,
	{"handle_userfault", "set_current_state", "TASK_INTERRUPTIBLE"}: announces,
	{"userfaultfd_must_wait", "must_wait", ""}: {"FAULT-9",
		"The page is checked again now that the fault is in the queue. A monitor that filled it before then found no fault to wake."},
	{"handle_userfault", "up_read", "mmap_lock"}: {"FAULT-10",
		"The task drops mmap_lock before it sleeps. The monitor needs the lock to fill the page, and close needs it to unregister."},
	{"handle_userfault", "queue_del", ""}: {"FAULT-12",
		"No waker has removed the fault, so the task removes it itself. The entry is on its stack, which it is about to leave."},
	{"userfaultfd_ctx_read", "queue_add", "fd_wqh"}: {"READ-9",
		"The reader joins the queue of the descriptor before it looks for a fault. A fault that comes after the look then wakes it."},
	{"userfaultfd_ctx_read", "queue_del", "fault_pending_wqh"}: {"QUEUE-4",
		"The fault moves from the pending queue to the queue of read faults. It is in one of the two at any time when the lock is free."},
	{"userfaultfd_ctx_read", "queue_add", "fault_wqh"}: {"READ-8",
		"A fault whose message is read waits in the other queue, so that it is read only once and can still be woken."},
	{"userfaultfd_wake_function", "queue_del_init", ""}: {"WAKE-6",
		"The waker removes the fault that it has woken. Afterwards it does not touch the entry again: the task may have returned, and the entry is on its stack."},
	{"__wake_userfault", "spin_lock", "fault_pending_wqh.lock"}: {"WAKE-4",
		"One lock protects both queues, so a fault that moves between them cannot be missed."},
	{"wake_userfault", "wake", ""}: {"WAKE-3",
		"The page is visible before the queues are checked. A fault that is not in a queue yet will find the page when it checks again."},
	{"userfaultfd_release", "ctx_released", ""}: {"REL-1",
		"The context is marked as released first, so that faults from now on do not wait for a monitor that is gone."},
	{"userfaultfd_release", "down_write", "mmap_lock"}: strips,
	{"userfaultfd_release", "vma_change", ""}:          strips,
	{"userfaultfd_release", "spin_lock", "fault_pending_wqh.lock"}: {"REL-5",
		"Every fault is woken, read or not, after all VMAs are unregistered. A fault that was woken before would come back and sleep forever."},
	{"userfaultfd_ctx_put", "ctx_free", ""}: {"REF-2",
		"The last reference is dropped, so no fault and no descriptor can reach the context any longer."},
	{"userfaultfd_api", "ctx_state", ""}: {"API-4",
		"The handshake is complete once the answer has been stored. If it could not be stored, the program may try again."},
	{"userfaultfd_register", "vma_change", ""}: {"REG-14",
		"The VMA gets the context and the mode. Its other flags stay."},
	{"userfaultfd_unregister", "vma_change", ""}: {"UNREG-5",
		"The VMA loses the context and the modes. It merges with its neighbours if nothing else tells them apart."},
	{"mcopy_atomic_pte", "pte_set", ""}: {"COPY-4",
		"The page is installed only if the entry is still none, so a copy never overwrites a page."},
}

var (
	announces = reason{"FAULT-8",
		"The task announces its sleep under the queue's lock, before it checks the page again. A wake-up from here on is not lost."}
	strips = reason{"REL-3",
		"Closing unregisters every VMA of the context, with mmap_lock held for writing: no fault can be between the check of its VMA and the queue."}
)

// reasonOf returns the rule that an event follows and why, zero for none.
func reasonOf(e *Event) reason {
	if r, ok := sites[site{e.Func, e.Kind, e.Object}]; ok {
		return r
	}
	return sites[site{e.Func, e.Kind, ""}]
}

// Why returns why the step follows its rule, "" if the event is no such step.
func (e *Event) Why() string {
	if r := reasonOf(e); r.rule == e.Rule {
		return r.why
	}
	return ""
}
