package conform

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes up the statements of a scenario, one after the other. It is told what has
// become of them, so that it does not ask anything of a task that sleeps.
type generator struct {
	rng   *rand.Rand
	fds   []string          // open descriptors of contexts, by name
	named int               // contexts so far
	tasks map[string]string // what a blocked task is blocked in; "" for one that is not
	dead  map[string]bool
	asked map[string]access // what each task has touched last
}

// access is a touch of a page.
type access struct {
	page  uint64
	write bool
}

func newGenerator(seed uint64) *generator {
	return &generator{
		rng:   rand.New(rand.NewPCG(seed, 0x636f6e66)),
		tasks: map[string]string{"t1": "", "t2": "", "t3": ""},
		dead:  map[string]bool{},
		asked: map[string]access{},
	}
}

// The memory that statements are about: two stretches of pages with room between them, each
// small, so that ranges touch and overlap.
const (
	low      = 0x10000000
	high     = 0x10040000
	stretch  = 12 // pages
	pageSize = 0x1000
	nowhere  = 0x20000000 // where nothing is ever mapped
)

// choice is a kind of statement, and how often it comes.
type choice struct {
	weight int
	make   func(g *generator) string
}

var choices = []choice{
	{10, (*generator).touch},
	{4, (*generator).kernelTouch},
	{12, (*generator).register},
	{8, (*generator).unregister},
	{8, (*generator).copy},
	{5, (*generator).zeropage},
	{4, (*generator).wake},
	{6, (*generator).read},
	{3, (*generator).poll},
	{8, (*generator).mmap},
	{6, (*generator).munmap},
	{6, (*generator).mprotect},
	{4, (*generator).mremap},
	{5, (*generator).madvise},
	{8, func(*generator) string { return fmt.Sprintf("maps(%#x, %#x)", low-pageSize, high+32*pageSize) }},
	{3, func(g *generator) string { return "fdinfo(" + g.fd() + ")" }},
	{5, func(g *generator) string {
		return fmt.Sprintf("present(%#x, %d)", g.pick(low, high)-pageSize, stretch+6)
	}},
	{3, (*generator).signal},
	{2, (*generator).open},
	{1, (*generator).close},
	{1, (*generator).handshake},
	{1, (*generator).oddities},
}

// next is a statement.
func (g *generator) next() string {
	if len(g.fds) == 0 {
		return g.open()
	}
	total := 0
	for _, c := range choices {
		total += c.weight
	}
	for {
		n := g.rng.IntN(total)
		for _, c := range choices {
			if n -= c.weight; n < 0 {
				if line := c.make(g); line != "" {
					return line
				}
				break
			}
		}
	}
}

// begin are the statements that a scenario begins with.
func (g *generator) begin() []string {
	fd := g.newName()
	lines := []string{
		fmt.Sprintf("%s = userfaultfd(%s)", fd, g.oneOf("O_NONBLOCK", "O_NONBLOCK|O_CLOEXEC", "O_NONBLOCK", "UFFD_USER_MODE_ONLY|O_NONBLOCK")),
		fmt.Sprintf("ioctl(%s, UFFDIO_API, {api=0xaa, features=%s})", fd, g.features()),
	}
	for range 2 {
		lines = append(lines, g.mmap())
	}
	return append(lines, fmt.Sprintf("mmap(%#x, %dp, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", low, stretch))
}

func (g *generator) newName() string {
	g.named++
	name := fmt.Sprintf("fd%d", g.named)
	g.fds = append(g.fds, name)
	return name
}

func (g *generator) oneOf(words ...string) string { return words[g.rng.IntN(len(words))] }

// chance is true n times out of a hundred.
func (g *generator) chance(n int) bool { return g.rng.IntN(100) < n }

func (g *generator) pick(of ...uint64) uint64 { return of[g.rng.IntN(len(of))] }

func (g *generator) fd() string { return g.fds[g.rng.IntN(len(g.fds))] }

// events are the features whose events a program has to read, or it sleeps.
const events = 1<<1 | 1<<2 | 1<<3 | 1<<6

func (g *generator) features() string {
	switch g.rng.IntN(12) {
	case 0:
		return "SIGBUS"
	case 1, 2:
		return "EXACT_ADDRESS"
	case 4, 5:
		return g.oneOf("THREAD_ID", "THREAD_ID|EXACT_ADDRESS")
	case 3:
		return fmt.Sprintf("%#x", uint64(1)<<g.rng.IntN(40)&^events)
	}
	return "0"
}

// page is the address of a page, somewhere in the memory or right beside it.
func (g *generator) page() uint64 {
	base := uint64(low)
	if g.chance(25) {
		base = high
	}
	return base + uint64(g.rng.IntN(stretch+2)-1)*pageSize
}

// span is a range of pages, seldom a wrong one.
func (g *generator) span() (start, length string) {
	start = fmt.Sprintf("%#x", g.page())
	length = fmt.Sprintf("%dp", 1+min(g.rng.IntN(stretch), g.rng.IntN(stretch)))
	if g.chance(4) {
		switch g.rng.IntN(5) {
		case 0:
			start = fmt.Sprintf("%#x", g.page()+uint64(1+g.rng.IntN(pageSize-1)))
		case 1:
			length = g.oneOf("0", "1", "0x1001", "0xfff")
		case 2:
			length = g.oneOf("0xfffffffffffff000", "0x800000000000", "0x7ffffffff000", "0x8000000000000000")
		case 3:
			start = g.oneOf("0", "0x1000", "0xf000", "0x7ffffffff000", "0x7fffffffe000", "0xffffffffff600000", "0xfffffffffffff000")
		case 4:
			start, length = "0x7fffffffe000", "2p"
		}
	}
	return start, length
}

// idle is a task that is not blocked, "" for none.
func (g *generator) idle() string {
	for _, name := range g.shuffled() {
		if g.tasks[name] == "" && !g.dead[name] {
			return name
		}
	}
	return ""
}

func (g *generator) shuffled() []string {
	names := []string{"t1", "t2", "t3"}
	g.rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names
}

// touch is an access in user mode.
func (g *generator) touch() string {
	t := g.idle()
	if t == "" {
		return ""
	}
	at := g.page() + uint64(g.rng.IntN(2))*uint64(g.rng.IntN(pageSize))
	write := g.chance(50)
	if !g.mayTouch(t, at, write) {
		return ""
	}
	if !write {
		return fmt.Sprintf("%s: load(%#x)", t, at)
	}
	return fmt.Sprintf("%s: store(%#x, '%c')", t, at, 'a'+rune(g.rng.IntN(26)))
}

// kernelTouch is one that a system call makes.
func (g *generator) kernelTouch() string {
	t := g.idle()
	if t == "" {
		return ""
	}
	at := g.page() + uint64(g.rng.IntN(pageSize-8))
	write := g.chance(50)
	if !g.mayTouch(t, at, write) {
		return ""
	}
	if !write {
		return fmt.Sprintf("%s: copy_from_user(%#x, %d)", t, at, 1+g.rng.IntN(8))
	}
	return fmt.Sprintf("%s: copy_to_user(%#x, %q)", t, at, strings.Repeat("k", 1+g.rng.IntN(8)))
}

// mayTouch reports whether a touch has one outcome only: a page that somebody writes to must
// be nobody else's, or who comes first, once they are woken, would decide what the other sees.
func (g *generator) mayTouch(task string, at uint64, write bool) bool {
	page := at &^ (pageSize - 1)
	for other, a := range g.asked {
		if g.tasks[other] != "" && a.page == page && (a.write || write) {
			return false
		}
	}
	g.asked[task] = access{page, write}
	return true
}

func (g *generator) register() string {
	start, length := g.span()
	mode := "MISSING"
	if g.chance(2) {
		mode = g.oneOf("0", "0x8", "0x10")
	}
	return fmt.Sprintf("ioctl(%s, UFFDIO_REGISTER, {start=%s, len=%s, mode=%s})", g.fd(), start, length, mode)
}

func (g *generator) unregister() string {
	start, length := g.span()
	return fmt.Sprintf("ioctl(%s, UFFDIO_UNREGISTER, {start=%s, len=%s})", g.fd(), start, length)
}

// wake is for one sleeper at the most: several whose pages do not come would race to be
// the first in the queue again.
func (g *generator) wake() string {
	if len(g.blocked()) > 1 {
		return ""
	}
	start, length := g.span()
	return fmt.Sprintf("ioctl(%s, UFFDIO_WAKE, {start=%s, len=%s})", g.fd(), start, length)
}

// few is a range of a few pages.
func (g *generator) few() (start, length string) {
	if g.chance(10) {
		start, length = g.span()
		if len(length) > 4 { // no source is so long
			length = "1p"
		}
		return start, length
	}
	return fmt.Sprintf("%#x", g.page()), fmt.Sprintf("%dp", 1+g.rng.IntN(3))
}

func (g *generator) mode() string {
	switch {
	case g.chance(3):
		return g.oneOf("0x2", "0x3", "0x4", "0x8")
	case g.chance(20):
		return "DONTWAKE"
	}
	return "0"
}

func (g *generator) copy() string {
	start, length := g.few()
	source := fmt.Sprintf("byte='%c'", 'A'+rune(g.rng.IntN(26)))
	if g.chance(5) {
		source = "src=" + g.oneOf("0", "0x7ffffffff000", "0xffffffffffffe000", fmt.Sprintf("%#x", uint64(low-4*pageSize)))
	}
	return fmt.Sprintf("ioctl(%s, UFFDIO_COPY, {dst=%s, len=%s, %s, mode=%s})", g.fd(), start, length, source, g.mode())
}

func (g *generator) zeropage() string {
	start, length := g.few()
	return fmt.Sprintf("ioctl(%s, UFFDIO_ZEROPAGE, {start=%s, len=%s, mode=%s})", g.fd(), start, length, g.mode())
}

func (g *generator) read() string {
	return fmt.Sprintf("read(%s, %s)", g.fd(), g.oneOf("32", "32", "64", "96", "31", "0", "33"))
}

func (g *generator) poll() string { return "poll(" + g.fd() + ")" }

func (g *generator) prot() string {
	return g.oneOf("PROT_READ|PROT_WRITE", "PROT_READ|PROT_WRITE", "PROT_READ|PROT_WRITE", "PROT_READ", "PROT_NONE", "PROT_WRITE", "PROT_READ|PROT_EXEC")
}

func (g *generator) mmap() string {
	start, length := g.span()
	flags := "MAP_PRIVATE|MAP_ANONYMOUS|" + g.oneOf("MAP_FIXED", "MAP_FIXED", "MAP_FIXED_NOREPLACE")
	return fmt.Sprintf("mmap(%s, %s, %s, %s)", start, length, g.prot(), flags)
}

func (g *generator) munmap() string {
	start, length := g.span()
	return fmt.Sprintf("munmap(%s, %s)", start, length)
}

func (g *generator) mprotect() string {
	start, length := g.span()
	return fmt.Sprintf("mprotect(%s, %s, %s)", start, length, g.prot())
}

func (g *generator) mremap() string {
	start, length := g.span()
	to, newLength := g.span()
	if g.chance(40) {
		return fmt.Sprintf("mremap(%s, %s, %s, 0)", start, length, newLength)
	}
	return fmt.Sprintf("mremap(%s, %s, %s, MREMAP_MAYMOVE|MREMAP_FIXED, %s)", start, length, newLength, to)
}

func (g *generator) madvise() string {
	start, length := g.span()
	advice := "MADV_DONTNEED"
	if g.chance(30) {
		advice = g.oneOf("MADV_DONTFORK", "MADV_DOFORK", "MADV_SEQUENTIAL", "MADV_NORMAL", "MADV_RANDOM", "MADV_DONTDUMP", "MADV_DODUMP", "MADV_HUGEPAGE", "MADV_NOHUGEPAGE", "9999")
	}
	return fmt.Sprintf("madvise(%s, %s, %s)", start, length, advice)
}

// signal is one for a task that is blocked in user mode: in kernel mode it would spin.
func (g *generator) signal() string {
	for _, name := range g.shuffled() {
		if op := g.tasks[name]; op == "load" || op == "store" {
			if g.chance(20) {
				return fmt.Sprintf("kill(%s, SIGKILL)", name)
			}
			return fmt.Sprintf("kill(%s, SIGUSR1)", name)
		}
	}
	return ""
}

func (g *generator) open() string {
	if len(g.fds) >= 3 {
		return ""
	}
	return fmt.Sprintf("%s = userfaultfd(%s)", g.newName(), g.oneOf("O_NONBLOCK", "O_NONBLOCK", "O_NONBLOCK|O_CLOEXEC", "0x4", "O_NONBLOCK|0x2"))
}

func (g *generator) close() string { return "close(" + g.fd() + ")" }

func (g *generator) handshake() string {
	return fmt.Sprintf("ioctl(%s, UFFDIO_API, {api=%s, features=%s})", g.fd(), g.oneOf("0xaa", "0xaa", "0xaa", "0xab"), g.features())
}

// oddities are calls that a userfaultfd does not know, or knows how to refuse.
func (g *generator) oddities() string {
	switch fd := g.fd(); g.rng.IntN(6) {
	case 0:
		return fmt.Sprintf("write(%s, %#x, 8)", fd, g.page())
	case 1:
		return fmt.Sprintf("lseek(%s, 0, %s)", fd, g.oneOf("SEEK_SET", "SEEK_CUR", "9"))
	case 2:
		return fmt.Sprintf("fcntl(%s, F_GETFL)", fd)
	case 3:
		return fmt.Sprintf("ioctl(%s, %#x, %#x)", fd, 0xaa00+uint32(g.rng.IntN(64)), nowhere)
	case 4:
		return fmt.Sprintf("ioctl(%s, UFFDIO_REGISTER, %#x)", fd, nowhere)
	default:
		return fmt.Sprintf("read(%s, 32, buf=%s)", fd, g.oneOf("0", "0xffff900000000000", "0x7ffffffff000"))
	}
}

// learn takes note of what has become of a statement.
func (g *generator) learn(line, answer string) {
	task, op := "", line
	if name, rest, ok := strings.Cut(line, ": "); ok {
		task, op = name, rest
	}
	name, _, _ := strings.Cut(op, "(")
	switch {
	case task != "" && answer == "blocked":
		g.tasks[task] = name
	case strings.HasPrefix(op, "fd") && strings.Contains(op, "userfaultfd(") && strings.HasPrefix(answer, "-1"):
		g.fds = g.fds[:len(g.fds)-1]
	}
}

// landed takes note that a task is not blocked any more.
func (g *generator) landed(task, answer string) {
	g.tasks[task] = ""
	if answer == "killed" {
		g.dead[task] = true
	}
}
