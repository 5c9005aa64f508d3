package uffd

// SetState puts a context into a state that no call sets.
func SetState(c *Ctx, s State) { c.state.Init(uint64(s)) }

// PageMissing reports whether an address has no page: the walk of userfaultfd_must_wait.
var PageMissing = pageMissing
