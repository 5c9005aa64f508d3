package conform

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes random statements of a scenario, one after the other. Its caller
// reports the answers (learn, landed), so that no statement is for a task that sleeps.
type generator struct {
	rng   *rand.Rand
	fds   []string          // open descriptors of contexts, by name
	named int               // number of contexts so far
	tasks map[string]string // the operation in which each task is blocked, "" if it is not
	dead  map[string]bool
	asked map[string]access // the last access of each task
	// locked is the memory that was last mapped with MAP_LOCKED; pages is 0 if there was
	// none. It may have been unmapped since.
	locked struct{ start, pages uint64 }
}

// access is an access to a page.
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

// choice is a kind of statement and its relative frequency.
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
	{6, (*generator).mremap},
	{5, (*generator).madvise},
	{5, (*generator).populate},
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

// next returns a random statement.
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

// begin returns the first statements of a scenario.
func (g *generator) begin() []string {
	fd := g.newName()
	lines := []string{
		fmt.Sprintf("%s = userfaultfd(%s)", fd, g.oneOf("O_NONBLOCK", "O_NONBLOCK|O_CLOEXEC", "O_NONBLOCK", "UFFD_USER_MODE_ONLY|O_NONBLOCK")),
		fmt.Sprintf("ioctl(%s, UFFDIO_API, {api=0xaa, features=%s})", fd, g.features()),
	}
	for range 2 {
		lines = append(lines, g.mmap())
	}
	lines = append(lines, fmt.Sprintf("mmap(%#x, %dp, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", low, stretch))
	if g.chance(40) {
		lines = append(lines, g.registeredLocked(fd)...)
	}
	return lines
}

func (g *generator) newName() string {
	g.named++
	name := fmt.Sprintf("fd%d", g.named)
	g.fds = append(g.fds, name)
	return name
}

func (g *generator) oneOf(words ...string) string { return words[g.rng.IntN(len(words))] }

// chance returns true n times out of a hundred.
func (g *generator) chance(n int) bool { return g.rng.IntN(100) < n }

func (g *generator) pick(of ...uint64) uint64 { return of[g.rng.IntN(len(of))] }

func (g *generator) fd() string { return g.fds[g.rng.IntN(len(g.fds))] }

// learn records the answer to a statement.
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

// landed records that a task is no longer blocked.
func (g *generator) landed(task, answer string) {
	g.tasks[task] = ""
	if answer == "killed" {
		g.dead[task] = true
	}
}
