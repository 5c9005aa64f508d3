package scenario

import (
	"fmt"
	"slices"
	"weak"

	"github.com/uffdsim/uffdsim/uffd"
)

// context is a userfaultfd context by the name of the descriptor that it came with.
type context struct {
	*uffd.Ctx
	name string
	file fileCount // nil if it was closed before anybody could look
}

// fileCount is the file that stands for a context.
type fileCount interface{ Count() uint64 }

// contexts are the contexts of a model.
type contexts struct {
	known []*context // in order of creation; those that have been freed may be missing
	count int        // that there have been
	// names has the names, those of freed contexts included as long as anything refers
	// to one.
	names map[weak.Pointer[uffd.Ctx]]string
	limit int // the number of names at which forget does something
}

func (cs *contexts) add(c *uffd.Ctx, name string, file fileCount) {
	cs.count++
	cs.known = append(cs.known, &context{c, name, file})
	if cs.names == nil {
		cs.names = map[weak.Pointer[uffd.Ctx]]string{}
	}
	cs.names[weak.Make(c)] = name
}

// name is the name of a context in answers. One that was closed before anybody could
// look gets a number.
func (cs *contexts) name(c *uffd.Ctx) string {
	if name, known := cs.names[weak.Make(c)]; known {
		return name
	}
	name := fmt.Sprintf("#%d", cs.count+1)
	cs.add(c, name, nil)
	return name
}

// fewContexts is how many contexts it is not worth the time to look through.
const fewContexts = 64

// forget drops contexts that have been freed. It does so from time to time only, so
// that its cost for each context is constant.
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
