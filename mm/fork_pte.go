package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// copyPTEs copies n entries of a PTE table, from address start on, to the child:
// copy_pte_range.
func copyPTEs(t *sim.Task, src *table, child *MM, start uint64, n int, cow bool) error {
	if src.used == 0 {
		return nil
	}
	dst, _ := child.pteAlloc(t, child.pmdAlloc(t, start), start)
	if dst == nil {
		return errno.ENOMEM
	}
	src.lock.Lock(t)
	dst.lock.LockNested(t)
	for j := levelPTE.index(start); n > 0; j, n = j+1, n-1 {
		entry := src.entries[j].Peek()
		if entry == 0 {
			continue
		}
		if cow && entry&entryRW != 0 {
			entry &^= entryRW
			src.set(t, j, entry)
		}
		dst.frames[j] = src.frames[j]
		if f := src.frames[j]; f != nil && entry&entrySpecial == 0 {
			f.get()
		}
		dst.set(t, j, entry)
	}
	dst.lock.Unlock(t)
	src.lock.Unlock(t)
	return nil
}
