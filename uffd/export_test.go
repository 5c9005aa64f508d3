package uffd

// SetState puts a context into a state that no call leads to.
func SetState(c *Ctx, s State) { c.state.Init(uint64(s)) }

// PageMissing is the walk of userfaultfd_must_wait.
var PageMissing = pageMissing
