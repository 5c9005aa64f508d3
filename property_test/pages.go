package properties

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"pgregory.net/rapid"
)

// pages is a script about memory, together with the oracle.
type pages struct {
	*script
	oracle oracle
	areas  []area // the last result of maps()
	forks  int
}

// memoryIsPages: §17.1, §17.7, REG-7 to REG-15, UNREG-1 to UNREG-5, COPY-2 to COPY-7,
// ZERO-1, REL-5.
func memoryIsPages(t *rapid.T, i *Implementation) {
	p := &pages{script: newScript(t, i), oracle: oracle{v: i.profile(t)}}
	defer p.close()
	for _, fd := range contexts {
		p.open(fd)
	}
	ops := map[string]func(){
		"": p.compare, "mmap": p.mmap, "munmap": p.munmap, "mprotect": p.mprotect, "dontneed": p.dontneed,
		"move": p.move, "resize": p.resize, "register": p.register, "unregister": p.unregister,
		"copy": p.copy, "zeropage": p.zeropage, "fillTwice": p.fillTwice, "load": p.load, "store": p.store, "fork": p.fork, "close": p.reopen,
	}
	if i.Starves {
		ops["cannotSplit"], ops["cannotAllocate"] = p.cannotSplit, p.cannotAllocate
	}
	t.Repeat(p.set(ops))
}

// part draws a part of an area.
func (p *pages) part() (from, to int, of area) {
	if len(p.areas) == 0 {
		p.t.Skip("nothing is mapped")
	}
	of = rapid.SampledFrom(p.areas).Draw(p.t, "area")
	from = rapid.IntRange(of.from, of.to-1).Draw(p.t, "from")
	return from, rapid.IntRange(from+1, of.to).Draw(p.t, "to"), of
}

func (p *pages) page() int    { return rapid.IntRange(0, arenaPages-1).Draw(p.t, "page") }
func (p *pages) letter() byte { return byte(rapid.IntRange('A', 'Z').Draw(p.t, "byte")) }

// answer returns the text of a result that is 0 or an error.
func answer(err error) string {
	if no, failed := err.(errno.Errno); failed {
		return failure(no)
	}
	return "0"
}

func failure(no errno.Errno) string { return "-1 " + no.Error() }

func (p *pages) mmap() {
	from, to := p.span()
	// Later kernels can also register shared memory, which the oracle does not cover.
	shared := p.oracle.v.UFFD.Features&abi.FeatureMissingShmem == 0 && rapid.IntRange(0, 5).Draw(p.t, "shared") == 0
	prot, kind := p.prot(), "MAP_PRIVATE"
	if shared {
		kind = "MAP_SHARED"
	}
	p.expect(fmt.Sprintf("%#x", address(from)), "mmap(%#x, %dp, %s, %s|MAP_ANONYMOUS|MAP_FIXED)", address(from), to-from, prot, kind)
	p.oracle.mmap(from, to, shared, prot)
}

func (p *pages) munmap() {
	from, to := p.span()
	p.expect("0", "munmap(%#x, %dp)", address(from), to-from)
	p.oracle.munmap(from, to)
}

func (p *pages) mprotect() {
	from, to := p.span()
	prot := p.prot()
	p.expect(answer(p.oracle.mprotect(from, to, prot)), "mprotect(%#x, %dp, %s)", address(from), to-from, prot)
}

func (p *pages) dontneed() {
	from, to := p.span()
	p.expect(answer(p.oracle.dontneed(from, to)), "madvise(%#x, %dp, MADV_DONTNEED)", address(from), to-from)
}

// move moves a part of an area. A kernel that ends the registration of moved memory ends
// that of the whole merged VMA. On such a kernel registered memory moves only to a target
// without a neighbour of the same owner.
func (p *pages) move() {
	from, to, of := p.part()
	n := to - from
	where := rapid.IntRange(0, arenaPages-n).Draw(p.t, "where")
	switch owner := p.oracle.pages[from].owner; {
	case where < to && from < where+n:
		p.t.Skip("they overlap")
	case of.shared:
		p.t.Skip("shared memory has a size")
	case p.oracle.v.MM.Mremap.Unregisters && owner != "" &&
		(where > 0 && p.oracle.pages[where-1].owner == owner || where+n < arenaPages && p.oracle.pages[where+n].owner == owner):
		p.t.Skip("it would end a neighbour's registration, too")
	}
	p.expect(fmt.Sprintf("%#x", address(where)), "mremap(%#x, %dp, %dp, MREMAP_MAYMOVE|MREMAP_FIXED, %#x)", address(from), n, n, address(where))
	p.oracle.move(from, to, where)
}

// resize shrinks a part of an area, or grows it in place.
func (p *pages) resize() {
	from, to, of := p.part()
	end := rapid.IntRange(from+1, arenaPages).Draw(p.t, "end")
	want := fmt.Sprintf("%#x", address(from))
	switch {
	case end <= to:
		p.oracle.munmap(end, to)
	case of.shared:
		p.t.Skip("shared memory has a size")
	case to < of.to || p.oracle.grow(to, end) != nil:
		want = failure(errno.ENOMEM)
	}
	p.expect(want, "mremap(%#x, %dp, %dp, 0)", address(from), to-from, end-from)
}

func (p *pages) register() {
	from, to := p.span()
	fd := p.context()
	err := p.oracle.change(from, to, fd, fd)
	got := p.do("ioctl(%s, UFFDIO_REGISTER, {start=%#x, len=%dp, mode=MISSING})", fd, address(from), to-from)
	if !strings.HasPrefix(got, answer(err)) {
		p.fail("the answer is %q, and not %q", got, answer(err))
	}
}

func (p *pages) unregister() {
	from, to := p.span()
	fd := p.context()
	p.expect(answer(p.oracle.change(from, to, fd, "")), "ioctl(%s, UFFDIO_UNREGISTER, {start=%#x, len=%dp})", fd, address(from), to-from)
}

// cannotSplit makes a registration fail where it needs one more VMA: ENOMEM, and a prefix
// of the range is registered.
func (p *pages) cannotSplit() {
	p.do("fail_nth(split_vma, 1)")
	from, to := p.span()
	fd := p.context()
	before := p.oracle.pages
	err := p.oracle.change(from, to, fd, fd)
	got := p.do("ioctl(%s, UFFDIO_REGISTER, {start=%#x, len=%dp, mode=MISSING})", fd, address(from), to-from)
	if err != nil || got != failure(errno.ENOMEM) {
		if !strings.HasPrefix(got, answer(err)) {
			p.fail("the answer is %q, and not %q", got, answer(err))
		}
		return
	}
	done, stopped := p.owners(), false
	for i := from; i < to; i++ {
		stopped = stopped || done[i] != fd && before[i].mapped
		if stopped {
			p.oracle.pages[i].owner = before[i].owner
		}
	}
}

// owners returns, for each page, the context with which it is registered.
func (p *pages) owners() (owners [arenaPages]string) {
	for _, a := range p.maps() {
		for i := a.from; i < a.to; i++ {
			owners[i] = a.owner
		}
	}
	return owners
}

// load makes the main task load a byte, or, if that blocks, another task, and then fills
// the page.
func (p *pages) load() {
	i := p.page()
	if p.oracle.blocks(i, false) {
		p.arrives(i, fmt.Sprintf("load(%#x)", address(i)), "loaded '%s'")
		return
	}
	if b, may := p.oracle.load(i); may {
		p.expect(fmt.Sprintf("loaded '%s'", character(b)), "load(%#x)", address(i))
		return
	}
	p.expect(fmt.Sprintf("SIGSEGV %#x", address(i)), "load(%#x)", address(i))
}

func (p *pages) store() {
	i := p.page()
	b := p.letter()
	touch := fmt.Sprintf("store(%#x, '%c')", address(i), b)
	switch blocks := p.oracle.blocks(i, true); {
	case blocks:
		p.arrives(i, touch, "stored")
		p.oracle.store(i, b)
	case p.oracle.store(i, b):
		p.expect("stored", "%s", touch)
	default:
		p.expect(fmt.Sprintf("SIGSEGV %#x", address(i)), "%s", touch)
	}
}

// arrives makes a task sleep in an access until the page is filled.
func (p *pages) arrives(i int, touch, outcome string) {
	p.expect("blocked", "t: %s", touch)
	owner := p.oracle.pages[i].owner
	p.expect(fmt.Sprintf("32 {PAGEFAULT address=%#x flags=%s}", address(i), touchFlags(touch)), "read(%s, 32)", owner)
	b := p.letter()
	p.expect("0 {copy=4096}", "ioctl(%s, UFFDIO_COPY, {dst=%#x, len=1p, byte='%c'})", owner, address(i), b)
	p.oracle.pages[i].present, p.oracle.pages[i].byte = true, b
	if strings.Contains(outcome, "%") {
		outcome = fmt.Sprintf(outcome, character(b))
	}
	p.expect(outcome, "t")
}

func touchFlags(touch string) string {
	if strings.HasPrefix(touch, "store") {
		return "WRITE"
	}
	return "0"
}

func character(b byte) string {
	if b == 0 {
		return `\0`
	}
	return string(b)
}

// fork creates a child, which has the memory but no registration.
func (p *pages) fork() {
	if p.forks == 4 {
		p.t.Skip("an implementation may have room for a few processes only")
	}
	p.forks++
	child := fmt.Sprintf("child%d", p.forks)
	p.do("%s = fork()", child)
	i := p.page()
	want := fmt.Sprintf("SIGSEGV %#x", address(i))
	if p.oracle.pages[i].readable() {
		want = fmt.Sprintf("loaded '%s'", character(p.oracle.pages[i].byte))
	}
	p.expect(want, "%s: load(%#x)", child, address(i))
	p.expect("exited", "%s: exit()", child)
}

// reopen closes a context, which ends its registrations, and creates another one with the
// same name.
func (p *pages) reopen() {
	fd := p.context()
	p.expect("0", "close(%s)", fd)
	p.oracle.release(fd)
	p.open(fd)
}

// compare compares every page with the oracle's. load compares the bytes.
func (p *pages) compare() {
	p.areas = p.maps()
	present := p.do("present(%#x, %d)", arena, arenaPages)
	var got [arenaPages]oraclePage
	for _, a := range p.areas {
		for i := a.from; i < a.to; i++ {
			got[i] = oraclePage{mapped: true, shared: a.shared, prot: a.prot, owner: a.owner}
		}
	}
	for i, want := range p.oracle.pages {
		got[i].present, got[i].byte = present[i] == '+', want.byte
		if want.shared {
			want.present = got[i].present // DONTNEED leaves the pages in the shared object
		}
		if got[i] != want {
			p.fail("page %d of %v is %+v, and not %+v", i, &p.oracle, got[i], want)
		}
	}
}
