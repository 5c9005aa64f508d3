package properties

import (
	"fmt"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/kernel"
)

// arenaPages is how much of the arena the oracle knows, from page 0 on.
const arenaPages = 16

// oraclePage is everything that there is to know of a page of memory.
type oraclePage struct {
	mapped  bool
	shared  bool // memory with operations of its own
	prot    string
	owner   string // which context it is registered with, "" for none
	present bool
	byte    byte // its first
}

func (p *oraclePage) readable() bool { return p.mapped && p.prot != protNone }
func (p *oraclePage) writable() bool { return p.mapped && p.prot == protWrite }

// The rights that a page may have.
const (
	protNone  = "PROT_NONE"
	protRead  = "PROT_READ"
	protWrite = "PROT_READ|PROT_WRITE"
)

// oracle is the arena page by page. Its methods say what each operation does and answers,
// without a word about areas.
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

// mprotect changes the pages up to the first that is not mapped.
func (o *oracle) mprotect(from, to int, prot string) error {
	for i := from; i < to; i++ {
		if !o.pages[i].mapped {
			return errno.ENOMEM
		}
		o.pages[i].prot = prot
	}
	return nil
}

// dontneed drops the pages. Those of shared memory keep their bytes.
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

// move takes pages of one area elsewhere. Since 5.0 they are registered no more.
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

// grow makes an area longer that ends before the page to, if there is room.
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

// change is what register (by owner) and unregister (by whoever, with owner "") have in
// common: what is in the range must exist and be plain memory, and nobody else's (REG-7 to
// REG-10, UNREG-1 to UNREG-3).
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

// fill is COPY and ZEROPAGE: it fills pages up to the first that is there. All of the
// range has to be one registered area; whether it is, is for the implementation to say.
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

// load and store are touches by user mode of pages that do not block. They answer whether
// the page may be touched so.
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

// blocks reports whether a touch of the page is a userfault.
func (o *oracle) blocks(i int, store bool) bool {
	p := &o.pages[i]
	return p.owner != "" && !p.present && (p.writable() || !store && p.readable())
}

// release forgets a context.
func (o *oracle) release(owner string) {
	for i := range o.pages {
		if o.pages[i].owner == owner {
			o.pages[i].owner = ""
		}
	}
}

// String is a bar: who a page is registered with, - for a page that is not, = for shared
// memory, . for none.
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
