package procfs

import "github.com/uffdsim/uffdsim/mm"

// Page is the state of a page in the page table.
type Page uint8

// The states.
const (
	PageNone    Page = iota // no page is present
	PageZero                // the zero page
	PagePresent             // another page
)

// Mem copies the bytes of the page at byte address addr to buf, up to the end of the
// page, and returns its state. Unlike a read of /proc/PID/mem it faults nothing in: if no
// page is present, it copies nothing. It returns the number of bytes that it has copied.
func Mem(space *mm.MM, addr uint64, buf []byte) (Page, int) {
	f := space.FrameAt(addr)
	if f == nil {
		return PageNone, 0
	}
	n := copy(buf, f.Data()[addr%mm.PageSize:])
	if f.IsZero() {
		return PageZero, n
	}
	return PagePresent, n
}
