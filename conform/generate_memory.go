package conform

import "fmt"

func (g *generator) prot() string {
	return g.oneOf("PROT_READ|PROT_WRITE", "PROT_READ|PROT_WRITE", "PROT_READ|PROT_WRITE", "PROT_READ", "PROT_NONE", "PROT_WRITE", "PROT_READ|PROT_EXEC")
}

func (g *generator) mmap() string {
	start, length := g.span()
	flags := "MAP_PRIVATE|MAP_ANONYMOUS|" + g.oneOf("MAP_FIXED", "MAP_FIXED", "MAP_FIXED_NOREPLACE")
	if g.chance(30) {
		flags += "|MAP_LOCKED"
		g.noteLocked(start, length)
	}
	return fmt.Sprintf("mmap(%s, %s, %s, %s)", start, length, g.prot(), flags)
}

// registeredLocked returns statements that register locked memory. A mremap that extends
// it sleeps.
func (g *generator) registeredLocked(fd string) []string {
	g.locked.start, g.locked.pages = high, 1+uint64(g.rng.IntN(4))
	return []string{
		fmt.Sprintf("munmap(%#x, %dp)", g.locked.start, stretch),
		fmt.Sprintf("mmap(%#x, %dp, %s, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_LOCKED)", g.locked.start, g.locked.pages, g.prot()),
		fmt.Sprintf("ioctl(%s, UFFDIO_REGISTER, {start=%#x, len=%dp, mode=MISSING})", fd, g.locked.start, g.locked.pages),
	}
}

// noteLocked records locked memory, if the range consists of whole pages.
func (g *generator) noteLocked(start, length string) {
	var at, pages uint64
	if _, err := fmt.Sscanf(start+" "+length, "0x%x %dp", &at, &pages); err == nil && at%pageSize == 0 {
		g.locked.start, g.locked.pages = at, pages
	}
}

func (g *generator) munmap() string {
	start, length := g.span()
	return fmt.Sprintf("munmap(%s, %s)", start, length)
}

func (g *generator) mprotect() string {
	start, length := g.span()
	return fmt.Sprintf("mprotect(%s, %s, %s)", start, length, g.prot())
}

// mremap returns a statement. A mremap that extends registered locked memory sleeps, so a
// task that is not blocked calls it. If all are blocked, or another task populates
// memory, the statement extends nothing.
func (g *generator) mremap() string {
	start, length := g.span()
	to, newLength := g.span()
	if g.locked.pages > 0 && g.chance(50) { // locked memory grows
		start, length = fmt.Sprintf("%#x", g.locked.start), fmt.Sprintf("%dp", g.locked.pages)
		newLength = fmt.Sprintf("%dp", g.locked.pages+1+uint64(g.rng.IntN(3)))
	}
	caller := ""
	if task := g.idle(); task != "" && !g.populates() {
		caller = task + ": "
	} else {
		newLength = length
	}
	if g.chance(40) {
		return fmt.Sprintf("%smremap(%s, %s, %s, 0)", caller, start, length, newLength)
	}
	return fmt.Sprintf("%smremap(%s, %s, %s, MREMAP_MAYMOVE|MREMAP_FIXED, %s)", caller, start, length, newLength, to)
}

// populate returns a statement that faults in the pages of a range, and sleeps at pages
// that are registered and missing; "" if no task can.
func (g *generator) populate() string {
	task := g.idle()
	if task == "" || g.populates() {
		return ""
	}
	start, length := g.few()
	if g.chance(30) {
		start, length = g.span()
	}
	return fmt.Sprintf("%s: madvise(%s, %s, %s)", task, start, length, g.oneOf("MADV_POPULATE_READ", "MADV_POPULATE_WRITE"))
}

// populates reports whether a task is blocked while it populates memory. At most one may
// be: a woken task continues with the next page, and the order of two of them in the
// queue would be the scheduler's choice.
func (g *generator) populates() bool {
	for _, op := range g.tasks {
		if op == "mremap" || op == "madvise" {
			return true
		}
	}
	return false
}

func (g *generator) madvise() string {
	start, length := g.span()
	advice := "MADV_DONTNEED"
	if g.chance(30) {
		advice = g.oneOf("MADV_DONTFORK", "MADV_DOFORK", "MADV_SEQUENTIAL", "MADV_NORMAL", "MADV_RANDOM", "MADV_DONTDUMP", "MADV_DODUMP", "MADV_HUGEPAGE", "MADV_NOHUGEPAGE", "9999")
	}
	return fmt.Sprintf("madvise(%s, %s, %s)", start, length, advice)
}
