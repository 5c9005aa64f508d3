package property_test

import (
	"fmt"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
)

// arenaPages is how much of the arena the oracle knows, from page 0 on.
const arenaPages = 16

// oraclePage is everything that there is to know of a page of memory.
type oraclePage struct {
	mapped  bool
	shared  bool // memory with operations of its own
	write   bool
	owner   int // which context it is registered with, 0 for none
	present bool
	byte    byte // its first
}

// oracle is the arena page by page. Its methods say what each operation does, and
// answers, without a word about areas.
type oracle [arenaPages]oraclePage

// each visits the pages [from, to).
func (o *oracle) each(from, to int, fn func(p *oraclePage)) {
	for i := from; i < to; i++ {
		fn(&o[i])
	}
}

func (o *oracle) mmap(from, to int, shared, write bool) {
	o.each(from, to, func(p *oraclePage) { *p = oraclePage{mapped: true, shared: shared, write: write} })
}

func (o *oracle) munmap(from, to int) {
	o.each(from, to, func(p *oraclePage) { *p = oraclePage{} })
}

// mprotect changes the pages up to the first that is not mapped.
func (o *oracle) mprotect(from, to int, write bool) error {
	for i := from; i < to; i++ {
		if !o[i].mapped {
			return errno.ENOMEM
		}
		o[i].write = write
	}
	return nil
}

// dontneed drops the pages. Those of shared memory keep their bytes.
func (o *oracle) dontneed(from, to int) error {
	var err error
	o.each(from, to, func(p *oraclePage) {
		switch {
		case !p.mapped:
			err = errno.ENOMEM
		case !p.shared:
			p.present, p.byte = false, 0
		}
	})
	return err
}

// change is what register (owner not 0) and unregister have in common: what is in the
// range must exist and be plain memory, and for register nobody else's (REG-7 to
// REG-10, UNREG-1 to UNREG-3).
func (o *oracle) change(from, to, owner int) error {
	any, above := false, false
	for i := from; i < arenaPages; i++ {
		above = above || o[i].mapped
		if i >= to || !o[i].mapped {
			continue
		}
		any = true
		switch {
		case o[i].shared:
			return errno.EINVAL
		case owner != 0 && o[i].owner != 0 && o[i].owner != owner:
			return errno.EBUSY
		}
	}
	switch {
	case !above:
		return errno.ENOMEM
	case !any:
		return errno.EINVAL
	}
	o.each(from, to, func(p *oraclePage) {
		if p.mapped {
			p.owner = owner
		}
	})
	return nil
}

// fill is COPY and ZEROPAGE: it fills pages up to the first that is there. All of the
// range has to be one area; which it is, is for the machine to say (oneArea).
func (o *oracle) fill(from, to int, with byte, oneArea bool) (filled int, err error) {
	if !oneArea {
		return 0, errno.EINVAL
	}
	for i := from; i < to; i++ {
		if o[i].present {
			if i == from {
				return 0, errno.EEXIST
			}
			return i - from, errno.EAGAIN
		}
		o[i].present, o[i].byte = true, with
	}
	return to - from, nil
}

// load and store are touches by user mode, of pages that are not missing and
// registered: those would block.
func (o *oracle) load(i int) (byte, mm.Outcome) {
	if !o[i].mapped {
		return 0, mm.SegFault
	}
	o[i].present = true
	return o[i].byte, mm.Done
}

func (o *oracle) store(i int, b byte) mm.Outcome {
	if !o[i].mapped || !o[i].write {
		return mm.SegFault
	}
	o[i].present, o[i].byte = true, b
	return mm.Done
}

// blocks reports whether a touch of the page would be a userfault.
func (o *oracle) blocks(i int) bool { return o[i].mapped && o[i].owner != 0 && !o[i].present }

// release forgets a context.
func (o *oracle) release(owner int) {
	o.each(0, arenaPages, func(p *oraclePage) {
		if p.owner == owner {
			p.owner = 0
		}
	})
}

// String is a bar: a digit for a registered page, - for one that is not, = for shared
// memory, . for none.
func (o *oracle) String() string {
	bar := ""
	for _, p := range o {
		switch {
		case !p.mapped:
			bar += "."
		case p.shared:
			bar += "="
		case p.owner != 0:
			bar += fmt.Sprint(p.owner)
		default:
			bar += "-"
		}
	}
	return bar
}
