package properties

import (
	"fmt"
	"slices"

	"github.com/uffdsim/uffdsim/errno"
	"pgregory.net/rapid"
)

// fill is a UFFDIO_COPY or UFFDIO_ZEROPAGE.
type fill struct {
	from, to int
	byte     byte   // the byte to fill with
	out      string // the field of the result
	op       string
}

func (p *pages) copyOf(from, to int) fill {
	b := p.letter()
	return fill{from, to, b, "copy", fmt.Sprintf("ioctl(%s, UFFDIO_COPY, {dst=%#x, len=%dp, byte='%c'})", p.context(), address(from), to-from, b)}
}

func (p *pages) zeropageOf(from, to int) fill {
	return fill{from, to, 0, "zeropage", fmt.Sprintf("ioctl(%s, UFFDIO_ZEROPAGE, {start=%#x, len=%dp})", p.context(), address(from), to-from)}
}

func (p *pages) anyFill(from, to int) fill {
	if rapid.Bool().Draw(p.t, "zero") {
		return p.zeropageOf(from, to)
	}
	return p.copyOf(from, to)
}

func (p *pages) copy()     { f := p.copyOf(p.toFill()); p.expect(p.filled(f), "%s", f.op) }
func (p *pages) zeropage() { f := p.zeropageOf(p.toFill()); p.expect(p.filled(f), "%s", f.op) }

// fillTwice fills a page, and then a range that ends with it.
func (p *pages) fillTwice() {
	from, to := p.toFill()
	for _, f := range []fill{p.anyFill(to-1, to), p.anyFill(from, to)} {
		p.expect(p.filled(f), "%s", f.op)
	}
}

// cannotAllocate makes an allocation fail in a fill of new memory: ENOMEM, and nothing is
// filled.
func (p *pages) cannotAllocate() {
	fd := p.context()
	p.oracle.munmap(0, arenaPages)
	p.expect("0", "munmap(%#x, %dp)", arena, arenaPages)
	p.oracle.mmap(0, arenaPages, false, protWrite)
	p.expect(fmt.Sprintf("%#x", arena), "mmap(%#x, %dp, %s, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", arena, arenaPages, protWrite)
	_ = p.oracle.change(0, arenaPages, fd, fd)
	p.do("ioctl(%s, UFFDIO_REGISTER, {start=%#x, len=%dp, mode=MISSING})", fd, arena, arenaPages)
	p.compare()
	p.do("fail_nth(%s, 1)", rapid.SampledFrom([]string{"alloc_page", "pmd_alloc", "pte_alloc", "anon_vma"}).Draw(p.t, "site"))
	f := p.anyFill(p.toFill())
	before := p.oracle.pages
	want := p.filled(f)
	switch got := p.do("%s", f.op); {
	case got == fmt.Sprintf("%s {%s=-12}", failure(errno.ENOMEM), f.out):
		p.oracle.pages = before
	case got != want: // the fill needed no such allocation
		p.fail("the answer is %q, and not %q", got, want)
	}
}

// toFill draws a range, usually one that can be filled.
func (p *pages) toFill() (from, to int) {
	var registered []area
	for _, a := range p.areas {
		if a.owner != "" {
			registered = append(registered, a)
		}
	}
	if len(registered) == 0 || rapid.IntRange(0, 3).Draw(p.t, "anywhere") == 0 {
		return p.span()
	}
	a := rapid.SampledFrom(registered).Draw(p.t, "registered")
	from = rapid.IntRange(a.from, a.to-1).Draw(p.t, "from")
	return from, rapid.IntRange(from+1, a.to).Draw(p.t, "to")
}

// filled returns the result of a fill, with its out field (COPY-2 to COPY-7).
func (p *pages) filled(f fill) string {
	n, err := p.oracle.fill(f.from, f.to, f.byte, p.registeredArea(f.from, f.to))
	out := int64(n) * pageSize
	if no, failed := err.(errno.Errno); failed && n == 0 {
		out = -int64(no)
	}
	return fmt.Sprintf("%s {%s=%d}", answer(err), f.out, out)
}

// registeredArea reports whether the range lies in one registered area.
func (p *pages) registeredArea(from, to int) bool {
	return slices.ContainsFunc(p.areas, func(a area) bool { return a.from <= from && to <= a.to && a.owner != "" })
}
