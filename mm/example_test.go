package mm_test

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
)

const start = 0x100000 // of the memory that the example maps

// bar returns a picture of the VMAs: a column is a page, and each VMA has a letter.
func bar(t *sim.Task, space *mm.MM) string {
	space.MmapLock.DownRead(t)
	defer space.MmapLock.UpRead(t)
	var b strings.Builder
	letter := "A"
	for vma := space.First(t); vma != nil; vma = vma.Next() {
		for b.Len() < int(vma.Start-start)/mm.PageSize {
			b.WriteByte('.') // nothing is mapped here
		}
		b.WriteString(strings.Repeat(letter, int(vma.Pages())))
		letter = string(letter[0] + 1)
	}
	return b.String()
}

// System calls split VMAs, and merge VMAs that have the same attributes again.
func Example() {
	space := mm.New(mm.NewMemory())
	t := new(sim.Free).Attach("t1", &mm.Thread{MM: space}) // the kernel's current
	show := func(call string, err error) { fmt.Println(bar(t, space), call, err) }

	const flags = mm.MapPrivate | mm.MapAnonymous | mm.MapFixed
	_, err := space.Mmap(t, start, 8*mm.PageSize, mm.ProtRead|mm.ProtWrite, flags, nil, 0)
	show("mmap", err)

	// All pages of a VMA have the same rights: other rights for two pages make three
	// VMAs.
	err = space.Mprotect(t, start+3*mm.PageSize, 2*mm.PageSize, mm.ProtRead)
	show("mprotect", err)

	// Neighbours with the same attributes merge.
	err = space.Mprotect(t, start+3*mm.PageSize, 2*mm.PageSize, mm.ProtRead|mm.ProtWrite)
	show("mprotect back", err)

	err = space.Munmap(t, start+2*mm.PageSize, mm.PageSize)
	show("munmap", err)

	// Output:
	// AAAAAAAA mmap <nil>
	// AAABBCCC mprotect <nil>
	// AAAAAAAA mprotect back <nil>
	// AA.BBBBB munmap <nil>
}
