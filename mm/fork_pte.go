package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// copyPTEs copies n entries of a PTE table, from address start on, to the child:
// copy_pte_range.
func copyPTEs(t *sim.Task, src *pgtable.Table, child *MM, start uint64, n int, cow bool) error {
	if src.Empty() {
		return nil
	}
	dst, _ := child.pteAlloc(t, child.pmdAlloc(t, start), start)
	if dst == nil {
		return errno.ENOMEM
	}
	src.Lock(t)
	dst.LockNested(t)
	for j := pgtable.PTE.Index(start); n > 0; j, n = j+1, n-1 {
		entry := src.Peek(j)
		if entry.None() {
			continue
		}
		if cow && entry.Write() {
			entry &^= pgtable.RW
			src.Set(t, j, entry)
		}
		f := src.Frame(j)
		if f != nil && !entry.Special() {
			f.Get()
		}
		dst.Map(t, j, f, entry)
	}
	dst.Unlock(t)
	src.Unlock(t)
	return nil
}
