package properties

import (
	"fmt"
	"slices"

	"github.com/uffdsim/uffdsim/mm"
	"pgregory.net/rapid"
)

// past is an area, with its anon_vma as a number, 0 for none. An area gets an anon_vma
// when it is written, and keeps a separate one while it differs from its neighbours.
type past struct{ pages, anon int }

// fits reports whether a range can merge with an area: both have the same anon_vma, or
// the range has none, or, since 6.16, the area has none.
func (r past) fits(a past, symmetric bool) bool {
	return r.anon == a.anon || r.anon == 0 || symmetric && a.anon == 0
}

// join returns the area with another one's pages added, and its anon_vma if it has one.
func (r past) join(a past) past { return past{r.pages + a.pages, max(r.anon, a.anon)} }

// writtenNeighboursStayApart: §17.5, REG-16, UNREG-5: is_mergeable_anon_vma. A registered
// area and an unregistered one get separate anon_vmas when they are written.
func writtenNeighboursStayApart(t *rapid.T, i *Implementation) {
	s := newScript(t, i)
	defer s.close()
	s.open("a")
	areas := make([]past, rapid.IntRange(2, 7).Draw(t, "areas"))
	total := 0
	for k := range areas {
		areas[k].pages = rapid.IntRange(1, 2).Draw(t, "pages")
		total += areas[k].pages
	}
	s.do("mmap(%#x, %dp, %s, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", arena, total, protWrite)
	start := func(k int) (at uint64) {
		at = arena
		for _, a := range areas[:k] {
			at += uint64(a.pages) * pageSize
		}
		return at
	}
	registered := map[uint64]bool{}
	for k := 0; k < len(areas); k += 2 {
		s.do("ioctl(a, UFFDIO_REGISTER, {start=%#x, len=%dp, mode=MISSING})", start(k), areas[k].pages)
		registered[start(k)] = true
	}
	for k := range areas {
		if !rapid.Bool().Draw(t, "written") {
			continue
		}
		areas[k].anon = k + 1
		if k%2 == 0 {
			s.expect("0 {copy=4096}", "ioctl(a, UFFDIO_COPY, {dst=%#x, len=1p, byte='A'})", start(k))
		} else {
			s.expect("stored", "store(%#x, 'A')", start(k))
		}
	}
	symmetric := i.profile(t).MM.AnonVMAMerge == mm.AnonVMAEither
	for len(registered) > 0 {
		k := rapid.SampledFrom(registeredOf(areas, start, registered)).Draw(t, "unregistered")
		s.expect("0", "ioctl(a, UFFDIO_UNREGISTER, {start=%#x, len=%dp})", start(k), areas[k].pages)
		delete(registered, start(k))
		below := k > 0 && areas[k].fits(areas[k-1], symmetric)
		above := k+1 < len(areas) && areas[k].fits(areas[k+1], symmetric)
		if below && above && areas[k-1].anon != 0 && areas[k+1].anon != 0 && areas[k-1].anon != areas[k+1].anon {
			above = false // the neighbours cannot merge with each other, and the lower one has priority
		}
		if above {
			areas = slices.Replace(areas, k, k+2, areas[k].join(areas[k+1]))
		}
		if below {
			areas = slices.Replace(areas, k-1, k+1, areas[k-1].join(areas[k]))
		}
		s.apart(areas)
	}
}

// registeredOf returns the indices of the areas that are still registered.
func registeredOf(areas []past, start func(int) uint64, registered map[uint64]bool) (places []int) {
	for k := range areas {
		if registered[start(k)] {
			places = append(places, k)
		}
	}
	return places
}

// apart compares maps() with the areas.
func (s *script) apart(areas []past) {
	got, want, from := "", "", 0
	for _, a := range s.maps() {
		got += fmt.Sprintf(" %d-%d", a.from, a.to)
	}
	for _, a := range areas {
		want += fmt.Sprintf(" %d-%d", from, from+a.pages)
		from += a.pages
	}
	if got != want {
		s.fail("the areas are%s, and not%s", got, want)
	}
}
