package bench

import (
	"fmt"
	"strings"
)

// row is a line of the table: a program at a size.
type row struct {
	name     string
	size     int    // 0 for a program without a size
	unit     string // of the size, in the plural
	nonblock bool
	vmas     int     // number of VMAs for which the address space must have room
	atMost   float64 // fraction of the kernel's time, 0 for no target
	run      program
}

func (r *row) String() string {
	if r.size == 0 {
		return r.name
	}
	unit := r.unit
	if r.size == 1 {
		unit = strings.TrimSuffix(unit, "s")
	}
	return fmt.Sprintf("%s, %s %s", r.name, thousands(r.size), unit)
}

// The names of the rows.
const (
	roundTripRead = "fault round trip, blocking monitor"
	roundTripPoll = "fault round trip, polling monitor"
	pairRow       = "register+unregister of a page"
	bulkRow       = "bulk unregister, per VMA"
	wakeRow       = "wake that matches nobody"
	copyRow       = "copy that wakes one"
	mmapRow       = "mmap+munmap of a page"
	pingPongRow   = "channel ping-pong (the limit)"
)

// rows returns the programs that the model and the kernel run, in the order of the table.
func rows() []row {
	all := []row{
		{name: roundTripRead, atMost: 1. / 8, run: faults(false)},
		{name: roundTripPoll, atMost: 1. / 8, nonblock: true, run: faults(true)},
	}
	for _, n := range []int{100, 10_000, 500_000} {
		all = append(all, row{name: pairRow, size: n, vmas: n, unit: "VMAs", atMost: 1. / 4, run: pair})
	}
	all = append(all, row{name: bulkRow, size: 100_000, vmas: 100_000, unit: "VMAs", atMost: 1. / 5, run: bulk})
	for _, p := range []struct {
		name string
		run  program
	}{{wakeRow, wakeNobody}, {copyRow, copyOne}} {
		for _, n := range []int{1, 100, 1000, 5000} {
			all = append(all, row{name: p.name, size: n, unit: "sleepers", run: p.run})
		}
	}
	for _, n := range []int{100, 10_000, 500_000} {
		r := row{name: mmapRow, size: n, vmas: n, unit: "VMAs", run: mapUnmap}
		if n == 500_000 {
			r.atMost = 1. / 4
		}
		all = append(all, r)
	}
	return all
}

// thousands formats a number with a comma before each three digits.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
