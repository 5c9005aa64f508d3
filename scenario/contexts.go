package scenario

import (
	"fmt"
	"slices"
	"weak"

	"github.com/uffdsim/uffdsim/uffd"
)

// context is a userfaultfd context with the name of its first descriptor.
type context struct {
	*uffd.Ctx
	name string
	file fileCount // nil if the context was closed before the session saw it
}

// fileCount is the file of a context.
type fileCount interface{ Count() uint64 }

// contexts are the contexts of a model.
type contexts struct {
	known []*context // in order of creation; freed ones may be missing
	count int        // all contexts so far
	// names has the names of all contexts that anything still refers to, freed ones
	// included.
	names map[weak.Pointer[uffd.Ctx]]string
	limit int // the number of names at which forget looks through them
}

func (cs *contexts) add(c *uffd.Ctx, name string, file fileCount) {
	cs.count++
	cs.known = append(cs.known, &context{c, name, file})
	if cs.names == nil {
		cs.names = map[weak.Pointer[uffd.Ctx]]string{}
	}
	cs.names[weak.Make(c)] = name
}

// name returns the name of a context in answers. A context that was closed before the
// session saw it gets a number.
func (cs *contexts) name(c *uffd.Ctx) string {
	if name, known := cs.names[weak.Make(c)]; known {
		return name
	}
	name := fmt.Sprintf("#%d", cs.count+1)
	cs.add(c, name, nil)
	return name
}

// fewContexts is the number of contexts below which forget does nothing.
const fewContexts = 64

// forget drops contexts that have been freed. It does so only when their number has
// doubled, so that its cost per context is constant.
func (cs *contexts) forget() {
	if len(cs.names) < max(cs.limit, fewContexts) {
		return
	}
	cs.known = slices.DeleteFunc(cs.known, func(c *context) bool { return c.Freed() })
	for c := range cs.names {
		if c.Value() == nil {
			delete(cs.names, c)
		}
	}
	cs.limit = 2 * len(cs.names)
}
