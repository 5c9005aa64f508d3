package mm_test

import (
	"fmt"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
)

// SplitVMA splits a VMA. Then VMAMerge, which every change of a VMA calls, merges the two
// parts, because they have the same attributes.
func ExampleMM_VMAMerge() {
	space := mm.New(mm.NewMemory())
	t := new(sim.Free).Attach("t1", &mm.Thread{MM: space})
	const flags = mm.MapPrivate | mm.MapAnonymous | mm.MapFixed
	if _, err := space.Mmap(t, 0x100000, 8*mm.PageSize, mm.ProtRead, flags, nil, 0); err != nil {
		panic(err)
	}

	space.MmapLock.DownWrite(t) // needed to change VMAs
	defer space.MmapLock.UpWrite(t)
	lower := space.First(t)
	if err := space.SplitVMA(t, lower, 0x103000, false); err != nil {
		panic(err)
	}
	upper := lower.Next()
	fmt.Printf("%x-%x %x-%x\n", lower.Start, lower.End, upper.Start, upper.End)

	attrs := upper.Attributes()
	merged := space.VMAMerge(t, lower, upper.Start, upper.End, &attrs)
	fmt.Printf("%x-%x %v\n", merged.Start, merged.End, merged.Next() == nil)

	// Output:
	// 100000-103000 103000-108000
	// 100000-108000 true
}
