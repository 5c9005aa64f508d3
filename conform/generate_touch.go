package conform

import (
	"fmt"
	"strings"
)

// idle returns a task that is not blocked, "" if there is none.
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

// touch returns an access of user mode, "" if no task may make it.
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

// kernelTouch returns an access by a system call, "" if no task may make it.
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

// mayTouch reports whether an access has only one possible result. While a task waits for
// a page, no other task may write to it, or read it if the first one writes: their order
// after the wake-up would decide what is read.
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

// signal returns a signal to a task that is blocked in user mode or in get_user_pages,
// which sleeps through an ordinary signal; "" if none is. Any other fault in kernel mode
// would spin.
func (g *generator) signal() string {
	for _, name := range g.shuffled() {
		switch g.tasks[name] {
		case "load", "store", "mremap", "madvise":
			if g.chance(20) {
				return fmt.Sprintf("kill(%s, SIGKILL)", name)
			}
			return fmt.Sprintf("kill(%s, SIGUSR1)", name)
		}
	}
	return ""
}
