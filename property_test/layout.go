package property_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// layout is a script about mappings, with what maps() has shown.
type layout struct {
	*script
	contexts []string
}

const layoutPages = 12

func newLayout(t *rapid.T, i *Implementation) *layout {
	l := &layout{script: newScript(t, i), contexts: []string{"a", "b"}}
	for _, fd := range l.contexts {
		l.do("%s = userfaultfd(O_NONBLOCK)", fd)
		l.do("ioctl(%s, UFFDIO_API, {api=0xaa, features=0})", fd)
	}
	return l
}

func (l *layout) span() (from, pages int) {
	from = rapid.IntRange(0, layoutPages-1).Draw(l.t, "from")
	return from, rapid.IntRange(1, layoutPages-from).Draw(l.t, "pages")
}

func (l *layout) context() string { return rapid.SampledFrom(l.contexts).Draw(l.t, "context") }

func (l *layout) prot() string {
	return rapid.SampledFrom([]string{"PROT_READ|PROT_WRITE", "PROT_READ", "PROT_NONE"}).Draw(l.t, "prot")
}

// maps are the lines of maps(), none if nothing is mapped.
func (l *layout) maps() []string {
	text := l.do("maps()")
	if text == "nothing is mapped" {
		return nil
	}
	return strings.Split(text, "\n")
}

func (l *layout) mmap() {
	from, pages := l.span()
	l.expect(fmt.Sprintf("%#x", address(from)), "mmap(%#x, %dp, %s, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", address(from), pages, l.prot())
}

func (l *layout) munmap() {
	from, pages := l.span()
	l.expect("0", "munmap(%#x, %dp)", address(from), pages)
}

func (l *layout) mprotect() {
	from, pages := l.span()
	l.do("mprotect(%#x, %dp, %s)", address(from), pages, l.prot())
}

func (l *layout) register() string {
	from, pages := l.span()
	return l.do("ioctl(%s, UFFDIO_REGISTER, {start=%#x, len=%dp, mode=MISSING})", l.context(), address(from), pages)
}

func (l *layout) unregister() string {
	from, pages := l.span()
	return l.do("ioctl(%s, UFFDIO_UNREGISTER, {start=%#x, len=%dp})", l.context(), address(from), pages)
}

// operations are what can be done to a layout.
func (l *layout) operations() map[string]func(*rapid.T) {
	set := func(op func()) func(*rapid.T) { return func(t *rapid.T) { l.t = t; op() } }
	return map[string]func(*rapid.T){
		"mmap": set(l.mmap), "munmap": set(l.munmap), "mprotect": set(l.mprotect),
		"register": set(func() { l.register() }), "unregister": set(func() { l.unregister() }),
	}
}

// neighboursDiffer: §17.5, REG-16.
func neighboursDiffer(t *rapid.T, i *Implementation) {
	l := newLayout(t, i)
	defer l.close()
	ops := l.operations()
	ops[""] = func(t *rapid.T) {
		l.t = t
		maps := l.maps()
		for i := 1; i < len(maps); i++ {
			below, above := strings.Fields(maps[i-1]), strings.Fields(maps[i])
			_, end, _ := strings.Cut(below[0], "-")
			start, _, _ := strings.Cut(above[0], "-")
			if end == start && slices.Equal(below[1:], above[1:]) {
				l.fail("these two could be one:\n%s\n%s", maps[i-1], maps[i])
			}
		}
	}
	t.Repeat(ops)
}

// unregisterUndoesRegister: REG-12, UNREG-3. What was registered before is the exception, and there
// is nothing of the kind here.
func unregisterUndoesRegister(t *rapid.T, i *Implementation) {
	l := newLayout(t, i)
	defer l.close()
	for range rapid.IntRange(1, 6).Draw(t, "mappings") {
		l.mmap()
	}
	before := l.maps()
	from, pages := l.span()
	fd := l.context()
	answer := l.do("ioctl(%s, UFFDIO_REGISTER, {start=%#x, len=%dp, mode=MISSING})", fd, address(from), pages)
	if strings.HasPrefix(answer, "-1") {
		if after := l.maps(); !slices.Equal(before, after) {
			l.fail("a registration that was refused has changed the mappings")
		}
		return
	}
	l.expect("0", "ioctl(%s, UFFDIO_UNREGISTER, {start=%#x, len=%dp})", fd, address(from), pages)
	if after := l.maps(); !slices.Equal(before, after) {
		l.fail("the mappings are not as they were:\n%s", strings.Join(before, "\n"))
	}
	// And once more: it changes nothing.
	l.expect("0", "ioctl(%s, UFFDIO_UNREGISTER, {start=%#x, len=%dp})", fd, address(from), pages)
	if after := l.maps(); !slices.Equal(before, after) {
		l.fail("to unregister what is not registered has changed the mappings")
	}
}

// failedCallsChangeNothing: REG-10, UNREG-1. A want of VMAs in the middle is another property.
func failedCallsChangeNothing(t *rapid.T, i *Implementation) {
	l := newLayout(t, i)
	defer l.close()
	ops := l.operations()
	var before []string
	failing := func(op func() string) func(*rapid.T) {
		return func(t *rapid.T) {
			l.t = t
			before = l.maps()
			if answer := op(); strings.HasPrefix(answer, "-1") && !slices.Equal(before, l.maps()) {
				l.fail("%s, and yet the mappings have changed:\n%s", answer, strings.Join(before, "\n"))
			}
		}
	}
	ops["register"], ops["unregister"] = failing(l.register), failing(l.unregister)
	t.Repeat(ops)
}

// mapLimitLeavesAPrefix: REG-18.
func mapLimitLeavesAPrefix(t *rapid.T, i *Implementation) {
	l := newLayout(t, i)
	defer l.close()
	for range rapid.IntRange(1, 5).Draw(t, "mappings") {
		l.mmap()
	}
	mapped := l.pages(func(fields []string) bool { return true })
	limit := len(l.maps()) + rapid.IntRange(0, 1).Draw(t, "room")
	l.do("sysctl(vm.max_map_count=%d)", limit)
	from, pages := l.span()
	answer := l.do("ioctl(a, UFFDIO_REGISTER, {start=%#x, len=%dp, mode=MISSING})", address(from), pages)
	registered := l.pages(func(fields []string) bool { return len(fields) > 2 })
	last := -1
	for i, is := range registered {
		if is {
			last = i
		}
	}
	for i := range registered {
		want := mapped[i] && i >= from && i < from+pages && (i <= last || answer[0] == '0')
		if registered[i] != want {
			l.fail("page %d: registered is %v, and not %v", i, registered[i], want)
		}
	}
}

// pages tells for each page of the arena whether it is in a mapping of which is says so.
func (l *layout) pages(is func(fields []string) bool) (in [layoutPages]bool) {
	for _, line := range l.maps() {
		fields := strings.Fields(line)
		var start, end uint64
		if _, err := fmt.Sscanf(fields[0], "%x-%x", &start, &end); err != nil {
			l.fail("%q: %v", line, err)
		}
		for at := start; at < end && is(fields); at += pageSize {
			in[(at-arena)/pageSize] = true
		}
	}
	return in
}
