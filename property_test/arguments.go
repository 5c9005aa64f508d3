package properties

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"pgregory.net/rapid"
)

// nowhere is an address at which nothing is ever mapped.
const nowhere = 0x8000

// arguments is a script of ioctls with all kinds of arguments, together with the pages.
type arguments struct{ *pages }

// argumentsAreChecked: RANGE-1 to RANGE-9, REG-1 to REG-5, REG-21, UNREG-1, WAKE-1,
// COPY-1, COPY-6, ZERO-1.
func argumentsAreChecked(t *rapid.T, i *Implementation) {
	a := &arguments{&pages{script: newScript(t, i), oracle: oracle{v: i.profile(t)}}}
	defer a.close()
	for _, fd := range contexts {
		a.open(fd)
	}
	if !a.oracle.v.UFFD.LowAddress {
		a.do("sysctl(vm.mmap_min_addr=%d)", mm.DefaultMmapMinAddr)
	}
	// The last two pages are for arguments that lie in memory.
	a.do("mmap(%#x, %dp, %s, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", arena, arenaPages, protWrite)
	a.do("munmap(%#x, 2p)", address(arenaPages-4))
	a.oracle.mmap(0, arenaPages, false, protWrite)
	a.oracle.munmap(arenaPages-4, arenaPages-2)
	t.Repeat(a.set(map[string]func(){
		"": a.compare, "shape": a.shape, "pointer": a.pointer, "read-only": a.readOnly, "dontneed": a.dropSome,
	}))
}

// request is an ioctl on a range, in bytes.
type request struct {
	fd, name              string
	start, len, mode, src uint64
}

var rangeIoctls = []string{"UFFDIO_REGISTER", "UFFDIO_UNREGISTER", "UFFDIO_WAKE", "UFFDIO_COPY", "UFFDIO_ZEROPAGE"}

func (a *arguments) ioctl() string { return rapid.SampledFrom(rangeIoctls).Draw(a.t, "ioctl") }

// shape makes a request whose range, mode and source may be wrong in any way.
func (a *arguments) shape() {
	r := request{fd: a.context(), name: a.ioctl()}
	from, to := a.span()
	starts := []uint64{address(from), address(from), address(from), address(from) + 1, 0, 0x1000, arena + 1<<30, mm.TaskSize - pageSize, mm.TaskSize, -pageSize & (1<<64 - 1)}
	lens := []uint64{uint64(to-from) * pageSize, pageSize, pageSize, 0, 1, pageSize + 1, mm.TaskSize, 1<<64 - pageSize}
	r.start = rapid.SampledFrom(starts).Draw(a.t, "start")
	r.len = rapid.SampledFrom(lens).Draw(a.t, "len")
	r.src = rapid.SampledFrom([]uint64{nowhere, nowhere + 1, mm.TaskSize, 1<<64 - pageSize}).Draw(a.t, "src")
	modes := []uint64{1, 1, 1, 0, 1 << 63}
	if r.name == "UFFDIO_COPY" { // a registration with this bit is not modelled
		modes = append(modes, abi.CopyModeWP, abi.CopyModeWP)
	}
	r.mode = rapid.SampledFrom(modes).Draw(a.t, "mode")
	valid := r.start%pageSize == 0 && r.len%pageSize == 0 && r.len != 0 && a.placed(r.start, r.len)
	if valid && r.len > arenaPages*pageSize && r.name != "UFFDIO_WAKE" {
		a.t.Skip("the range may exceed the arena")
	}
	a.start(r, valid)
}

// placed reports whether a range has only addresses that a program may use.
func (a *arguments) placed(start, length uint64) bool {
	return (start >= mm.DefaultMmapMinAddr || a.oracle.v.UFFD.LowAddress) && start < mm.TaskSize && length <= mm.TaskSize-start
}

// start issues the request, and requires the right answer.
func (a *arguments) start(r request, valid bool) {
	invalid := failure(errno.EINVAL)
	switch r.name {
	case "UFFDIO_REGISTER":
		want := invalid
		if r.mode == 1 && valid {
			want = answer(a.change(r, r.fd))
		}
		if got := a.do("ioctl(%s, %s, {start=%#x, len=%#x, mode=%#x})", r.fd, r.name, r.start, r.len, r.mode); !strings.HasPrefix(got, want) {
			a.fail("the answer is %q, and not %q", got, want)
		}
	case "UFFDIO_UNREGISTER":
		want := invalid
		if valid {
			want = answer(a.change(r, ""))
		}
		a.expect(want, "ioctl(%s, %s, {start=%#x, len=%#x})", r.fd, r.name, r.start, r.len)
	case "UFFDIO_WAKE":
		want := invalid
		if valid {
			want = "0"
		}
		a.expect(want, "ioctl(%s, %s, {start=%#x, len=%#x})", r.fd, r.name, r.start, r.len)
	case "UFFDIO_COPY":
		want := invalid
		sourced := r.src+r.len > r.src && (!a.oracle.v.UFFD.Copy.ChecksSource || a.placed(r.src, r.len))
		switch protects := r.mode == abi.CopyModeWP && a.oracle.v.UFFD.Copy.KnowsWP; {
		case valid && sourced && protects && a.oneArea(r):
			want = fmt.Sprintf("%s {copy=%d}", invalid, -int(errno.EINVAL)) // not registered for write-protection
		case valid && sourced && (protects || r.mode <= 1):
			want = a.copiedFromNowhere(r)
		}
		a.expect(want, "ioctl(%s, %s, {dst=%#x, len=%#x, src=%#x, mode=%#x})", r.fd, r.name, r.start, r.len, r.src, r.mode)
	case "UFFDIO_ZEROPAGE":
		want := invalid
		if valid && r.mode <= 1 {
			want = a.zeroed(r)
		}
		a.expect(want, "ioctl(%s, %s, {start=%#x, len=%#x, mode=%#x})", r.fd, r.name, r.start, r.len, r.mode)
	}
}

// clip returns the part of the arena that a valid range covers. Nothing is mapped above
// the arena.
func clip(r request) (from, to int) {
	at := func(address uint64) int {
		if address <= arena {
			return 0
		}
		return int(min((address-arena)/pageSize, arenaPages))
	}
	return at(r.start), at(r.start + r.len)
}

func (a *arguments) change(r request, owner string) error {
	from, to := clip(r)
	return a.oracle.change(from, to, r.fd, owner)
}

// oneArea reports whether the range lies in one registered area.
func (a *arguments) oneArea(r request) bool {
	from, to := clip(r)
	return from < arenaPages && address(from) == r.start && address(to) == r.start+r.len && a.registeredArea(from, to)
}

// copiedFromNowhere returns the answer to a COPY whose source is not mapped.
func (a *arguments) copiedFromNowhere(r request) string {
	if !a.oneArea(r) {
		return a.filledNowhere("copy")
	}
	err := errno.EFAULT // the source is fetched before the kernel checks whether the page is present
	return fmt.Sprintf("%s {copy=%d}", failure(err), -int(err))
}

func (a *arguments) zeroed(r request) string {
	from, to := clip(r)
	if !a.oneArea(r) {
		return a.filledNowhere("zeropage")
	}
	return a.filled(fill{from: from, to: to, out: "zeropage"})
}

// filledNowhere returns the answer to a fill of a range that is not one registered area.
func (a *arguments) filledNowhere(field string) string {
	_, err := a.oracle.fill(0, 0, 0, false)
	return fmt.Sprintf("%s {%s=%d}", answer(err), field, -int(err.(errno.Errno)))
}

// pointer passes the address of an argument that is not mapped.
func (a *arguments) pointer() {
	a.expect(failure(errno.EFAULT), "ioctl(%s, %s, %#x)", a.context(), a.ioctl(), nowhere)
}

// readOnly passes an argument that can be read but not written: the request is executed
// nevertheless.
func (a *arguments) readOnly() {
	const page = arenaPages - 1
	r := request{fd: a.context(), name: a.ioctl()}
	from := rapid.IntRange(0, arenaPages-5).Draw(a.t, "from")
	r.start, r.len = address(from), pageSize
	words := []uint64{r.start, r.len, 0}
	switch r.name {
	case "UFFDIO_REGISTER":
		words[2] = 1
	case "UFFDIO_COPY":
		if !a.oracle.pages[page-1].readable() || a.oracle.blocks(page-1, false) {
			a.t.Skip("no page to copy")
		}
		words = []uint64{r.start, address(page - 1), r.len, 0}
	}
	if a.oracle.blocks(page, true) || a.oracle.pages[page].owner != "" {
		a.t.Skip("the argument itself would fault")
	}
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	a.expect("stored", "store(%#x, \"%s\")", address(page), hex(b))
	a.oracle.pages[page].present, a.oracle.pages[page].byte = true, b[0]
	a.expect("0", "mprotect(%#x, 1p, PROT_READ)", address(page))
	want := a.unanswered(r, from)
	a.expect(want, "ioctl(%s, %s, %#x)", r.fd, r.name, address(page))
	a.expect("0", "mprotect(%#x, 1p, %s)", address(page), protWrite)
}

// unanswered returns the answer to a request for one page whose result, if any, cannot be
// stored.
func (a *arguments) unanswered(r request, from int) string {
	var err error
	var with byte
	switch r.name {
	case "UFFDIO_WAKE":
		return "0"
	case "UFFDIO_UNREGISTER":
		return answer(a.oracle.change(from, from+1, r.fd, ""))
	case "UFFDIO_REGISTER":
		if err = a.oracle.change(from, from+1, r.fd, r.fd); err != nil {
			return answer(err)
		}
		return failure(errno.EFAULT)
	case "UFFDIO_COPY":
		if a.oracle.pages[from].owner != "" {
			with, _ = a.oracle.load(arenaPages - 2)
		}
	}
	_, _ = a.oracle.fill(from, from+1, with, a.oracle.pages[from].owner != "")
	return failure(errno.EFAULT)
}

func hex(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		fmt.Fprintf(&s, `\x%02x`, c)
	}
	return s.String()
}

// dropSome drops pages, so that they can be filled again.
func (a *arguments) dropSome() { a.dontneed() }
