package properties

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// layout is a script about mappings alone.
type layout struct{ *script }

func newLayout(t *rapid.T, i *Implementation) *layout {
	l := &layout{newScript(t, i)}
	for _, fd := range contexts {
		l.open(fd)
	}
	return l
}

func (l *layout) mmap() {
	from, to := l.span()
	l.expect(fmt.Sprintf("%#x", address(from)), "mmap(%#x, %dp, %s, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", address(from), to-from, l.prot())
}

func (l *layout) munmap() {
	from, to := l.span()
	l.expect("0", "munmap(%#x, %dp)", address(from), to-from)
}

func (l *layout) mprotect() {
	from, to := l.span()
	l.do("mprotect(%#x, %dp, %s)", address(from), to-from, l.prot())
}

func (l *layout) register() string {
	from, to := l.span()
	return l.do("ioctl(%s, UFFDIO_REGISTER, {start=%#x, len=%dp, mode=MISSING})", l.context(), address(from), to-from)
}

func (l *layout) unregister() string {
	from, to := l.span()
	return l.do("ioctl(%s, UFFDIO_UNREGISTER, {start=%#x, len=%dp})", l.context(), address(from), to-from)
}

// operations returns the operations on a layout.
func (l *layout) operations() map[string]func() {
	return map[string]func(){
		"mmap": l.mmap, "munmap": l.munmap, "mprotect": l.mprotect,
		"register": func() { l.register() }, "unregister": func() { l.unregister() },
	}
}

// neighboursDiffer: §17.5, REG-16.
func neighboursDiffer(t *rapid.T, i *Implementation) {
	l := newLayout(t, i)
	defer l.close()
	ops := l.operations()
	ops[""] = func() {
		areas := l.maps()
		for i := 1; i < len(areas); i++ {
			if below, above := areas[i-1], areas[i]; below.to == above.from && below.sameKind(above) {
				l.fail("these two could merge: %+v and %+v", below, above)
			}
		}
	}
	t.Repeat(l.set(ops))
}

// unregisterUndoesRegister: REG-12, UNREG-3. It does not hold for memory that was
// registered before, which does not occur here.
func unregisterUndoesRegister(t *rapid.T, i *Implementation) {
	l := newLayout(t, i)
	defer l.close()
	for range rapid.IntRange(1, 6).Draw(t, "mappings") {
		l.mmap()
	}
	before := l.maps()
	from, to := l.span()
	fd := l.context()
	answer := l.do("ioctl(%s, UFFDIO_REGISTER, {start=%#x, len=%dp, mode=MISSING})", fd, address(from), to-from)
	if strings.HasPrefix(answer, "-1") {
		if after := l.maps(); !slices.Equal(before, after) {
			l.fail("a refused registration has changed the mappings")
		}
		return
	}
	l.expect("0", "ioctl(%s, UFFDIO_UNREGISTER, {start=%#x, len=%dp})", fd, address(from), to-from)
	if after := l.maps(); !slices.Equal(before, after) {
		l.fail("the mappings are %+v, and not %+v as they were", after, before)
	}
	// A second unregister changes nothing.
	l.expect("0", "ioctl(%s, UFFDIO_UNREGISTER, {start=%#x, len=%dp})", fd, address(from), to-from)
	if after := l.maps(); !slices.Equal(before, after) {
		l.fail("unregistering unregistered memory has changed the mappings")
	}
}

// failedCallsChangeNothing: REG-10, UNREG-1. The limit of VMAs, reached in the middle of
// a call, is another property.
func failedCallsChangeNothing(t *rapid.T, i *Implementation) {
	l := newLayout(t, i)
	defer l.close()
	ops := l.operations()
	failing := func(op func() string) func() {
		return func() {
			before := l.maps()
			if answer := op(); strings.HasPrefix(answer, "-1") && !slices.Equal(before, l.maps()) {
				l.fail("%s, and yet the mappings have changed; they were %+v", answer, before)
			}
		}
	}
	ops["register"], ops["unregister"] = failing(l.register), failing(l.unregister)
	t.Repeat(l.set(ops))
}

// mapLimitLeavesAPrefix: REG-18.
func mapLimitLeavesAPrefix(t *rapid.T, i *Implementation) {
	l := newLayout(t, i)
	defer l.close()
	for range rapid.IntRange(1, 5).Draw(t, "mappings") {
		l.mmap()
	}
	call, mode, changes := "REGISTER", ", mode=MISSING", func(area) bool { return true }
	if rapid.Bool().Draw(t, "ends") {
		for range rapid.IntRange(1, 3).Draw(t, "registrations") {
			l.register()
		}
		call, mode, changes = "UNREGISTER", "", func(a area) bool { return a.owner != "" }
	}
	may, before := l.pages(changes), l.registered()
	limit := len(l.maps()) + rapid.IntRange(0, 1).Draw(t, "room")
	l.do("sysctl(vm.max_map_count=%d)", limit)
	from, to := l.span()
	answer := l.do("ioctl(a, UFFDIO_%s, {start=%#x, len=%dp%s})", call, address(from), to-from, mode)
	after, last := l.registered(), -1
	for i := range after {
		if after[i] != before[i] {
			last = i
		}
	}
	for i := range after {
		changed := after[i] != before[i]
		want := may[i] && i >= from && i < to && (i <= last || answer[0] == '0')
		if changed != want {
			l.fail("page %d: registered was %v and is %v; it must change: %v", i, before[i], after[i], want)
		}
	}
}

// registered returns, for each page of the arena, whether it is registered.
func (l *layout) registered() [arenaPages]bool {
	return l.pages(func(a area) bool { return a.owner != "" })
}

// pages returns, for each page of the arena, whether it is in an area for which is
// returns true.
func (l *layout) pages(is func(a area) bool) (in [arenaPages]bool) {
	for _, a := range l.maps() {
		for i := a.from; i < a.to && is(a); i++ {
			in[i] = true
		}
	}
	return in
}
