package conform

import "fmt"

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
