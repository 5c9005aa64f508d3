package properties

import (
	"fmt"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/kernel"
)

// arenaPages is the number of pages of the arena that the oracle knows, from page 0 on.
const arenaPages = 16

// oraclePage is the complete state of a page of memory.
type oraclePage struct {
	mapped  bool
	shared  bool // memory with operations of its own
	prot    string
	owner   string // the context with which it is registered, "" for none
	present bool
	byte    byte // its first byte
}

func (p *oraclePage) readable() bool { return p.mapped && p.prot != protNone }
func (p *oraclePage) writable() bool { return p.mapped && p.prot == protWrite }

// The rights that a page can have.
const (
	protNone  = "PROT_NONE"
	protRead  = "PROT_READ"
	protWrite = "PROT_READ|PROT_WRITE"
)

// oracle is the arena page by page. Its methods apply each operation and return its
// answer, without any notion of areas.
type oracle struct {
	v     kernel.Profile
	pages [arenaPages]oraclePage
}

func (o *oracle) mmap(from, to int, shared bool, prot string) {
	for i := from; i < to; i++ {
		o.pages[i] = oraclePage{mapped: true, shared: shared, prot: prot}
	}
}

func (o *oracle) munmap(from, to int) { clear(o.pages[from:to]) }

// mprotect changes the pages up to the first unmapped one.
func (o *oracle) mprotect(from, to int, prot string) error {
	for i := from; i < to; i++ {
		if !o.pages[i].mapped {
			return errno.ENOMEM
		}
		o.pages[i].prot = prot
	}
	return nil
}

// dontneed drops the pages. Pages of shared memory keep their bytes.
func (o *oracle) dontneed(from, to int) error {
	var err error
	for i := from; i < to; i++ {
		switch p := &o.pages[i]; {
		case !p.mapped:
			err = errno.ENOMEM
		case !p.shared:
			p.present, p.byte = false, 0
		}
	}
	return err
}

// move moves pages of one area. Since 5.0 they lose their registration.
func (o *oracle) move(from, to, where int) {
	var moved [arenaPages]oraclePage
	n := copy(moved[:], o.pages[from:to])
	o.munmap(from, to)
	for i := range n {
		if o.v.MM.Mremap.Unregisters {
			moved[i].owner = ""
		}
		o.pages[where+i] = moved[i]
	}
}

// grow extends an area that ends before the page to, if there is room.
func (o *oracle) grow(to, longer int) error {
	for i := to; i < longer; i++ {
		if o.pages[i].mapped {
			return errno.ENOMEM
		}
	}
	last := o.pages[to-1]
	for i := to; i < longer; i++ {
		o.pages[i] = oraclePage{mapped: true, prot: last.prot, owner: last.owner}
	}
	return nil
}

// change is the common part of register (by owner) and unregister (by any context, with
// owner ""). The range must contain memory, all of it plain, and none of it another
// context's (REG-7 to REG-10, UNREG-1 to UNREG-3).
func (o *oracle) change(from, to int, by, owner string) error {
	inside, above := false, false
	for i := from; i < arenaPages; i++ {
		p := &o.pages[i]
		above = above || p.mapped
		if i >= to || !p.mapped {
			continue
		}
		inside = true
		switch other := p.owner != "" && p.owner != by; {
		case owner == "" && other && o.v.UFFD.Unregister.OwnerOnly:
			return errno.EINVAL
		case p.shared:
			return errno.EINVAL
		case owner != "" && other:
			return errno.EBUSY
		}
	}
	switch {
	case !above && !o.v.UFFD.Register.NothingMappedInvalid:
		return errno.ENOMEM
	case !inside:
		return errno.EINVAL
	}
	for i := from; i < to; i++ {
		if p := &o.pages[i]; p.mapped {
			p.owner = owner
		}
	}
	return nil
}

// fill is COPY and ZEROPAGE: it fills pages up to the first present one. The whole range
// must be one registered area, which oneArea says.
func (o *oracle) fill(from, to int, with byte, oneArea bool) (filled int, err error) {
	if !oneArea && o.v.MM.Fill.NotFound {
		return 0, errno.ENOENT
	}
	if !oneArea {
		return 0, errno.EINVAL
	}
	for i := from; i < to; i++ {
		p := &o.pages[i]
		if p.present && i == from {
			return 0, errno.EEXIST
		}
		if p.present {
			return i - from, errno.EAGAIN
		}
		p.present, p.byte = true, with
	}
	return to - from, nil
}

// load and store are accesses in user mode to pages that do not block. They report
// whether the access is allowed.
func (o *oracle) load(i int) (byte, bool) {
	p := &o.pages[i]
	if !p.readable() {
		return 0, false
	}
	p.present = true
	return p.byte, true
}

func (o *oracle) store(i int, b byte) bool {
	p := &o.pages[i]
	if !p.writable() {
		return false
	}
	p.present, p.byte = true, b
	return true
}

// blocks reports whether an access to the page is a userfault.
func (o *oracle) blocks(i int, store bool) bool {
	p := &o.pages[i]
	return p.owner != "" && !p.present && (p.writable() || !store && p.readable())
}

// release removes a context.
func (o *oracle) release(owner string) {
	for i := range o.pages {
		if o.pages[i].owner == owner {
			o.pages[i].owner = ""
		}
	}
}

// String returns a bar with a character for each page: its context, - for a page without
// registration, = for shared memory, . for an unmapped page.
func (o *oracle) String() string {
	bar := ""
	for _, p := range o.pages {
		switch {
		case !p.mapped:
			bar += "."
		case p.shared:
			bar += "="
		case p.owner != "":
			bar += fmt.Sprint(p.owner)
		default:
			bar += "-"
		}
	}
	return bar
}
