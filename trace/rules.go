package trace

// site is where a rule bites: a kernel function that does something to an object. An object of ""
// is any.
type site struct{ fn, kind, object string }

// sites are the places that a picture points out, with the rule that they are an instance of.
var sites = map[site]string{
	{"userfaultfd_ctx_get", "ref_get", ""}:                          "FAULT-6",
	{"handle_userfault", "queue_add", "fault_pending_wqh"}:          "QUEUE-1",
	{"handle_userfault", "set_current_state", "TASK_KILLABLE"}:      "FAULT-8",
	{"handle_userfault", "set_current_state", "TASK_INTERRUPTIBLE"}: "FAULT-8",
	{"userfaultfd_must_wait", "must_wait", ""}:                      "FAULT-9",
	{"handle_userfault", "up_read", "mmap_lock"}:                    "FAULT-10",
	{"handle_userfault", "queue_del", ""}:                           "FAULT-12",
	{"userfaultfd_ctx_read", "queue_add", "fd_wqh"}:                 "READ-9",
	{"userfaultfd_ctx_read", "queue_del", "fault_pending_wqh"}:      "QUEUE-4",
	{"userfaultfd_ctx_read", "queue_add", "fault_wqh"}:              "READ-8",
	{"userfaultfd_wake_function", "queue_del_init", ""}:             "WAKE-6",
	{"__wake_userfault", "spin_lock", "fault_pending_wqh.lock"}:     "WAKE-4",
	{"wake_userfault", "wake", ""}:                                  "WAKE-3",
	{"userfaultfd_release", "ctx_released", ""}:                     "REL-1",
	{"userfaultfd_release", "down_write", "mmap_lock"}:              "REL-3",
	{"userfaultfd_release", "vma_change", ""}:                       "REL-3",
	{"userfaultfd_release", "spin_lock", "fault_pending_wqh.lock"}:  "REL-5",
	{"userfaultfd_ctx_put", "ctx_free", ""}:                         "REF-2",
	{"userfaultfd_api", "ctx_state", ""}:                            "API-4",
	{"userfaultfd_register", "vma_change", ""}:                      "REG-14",
	{"userfaultfd_unregister", "vma_change", ""}:                    "UNREG-5",
	{"mcopy_atomic_pte", "pte_set", ""}:                             "COPY-4",
}

// ruleOf finds the rule that an event is an instance of, "" for none.
func ruleOf(e *Event) string {
	if r, ok := sites[site{e.Func, e.Kind, e.Object}]; ok {
		return r
	}
	return sites[site{e.Func, e.Kind, ""}]
}
