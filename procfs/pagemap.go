package procfs

import "github.com/uffdsim/uffdsim/mm"

// Present reports for each of n pages, starting at byte address addr, whether the page
// table maps it: the PM_PRESENT bits of /proc/PID/pagemap. It recreates pagemap_read.
func Present(space *mm.MM, addr uint64, n int) []bool {
	present := make([]bool, n)
	for i := range present {
		walk := space.PageWalk(addr + uint64(i)*mm.PageSize)
		last := walk[len(walk)-1]
		present[i] = last.Entry != 0 && (last.Level == "pte" || last.Huge())
	}
	return present
}
