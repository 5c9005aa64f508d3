package property_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// sleeper is a task in a fault, as the oracle of the queues knows it.
type sleeper struct {
	task string
	page int
	read bool
}

// queues is the oracle: who sleeps, in the order in which they came, and which pages are there.
type queues struct {
	*script
	sleepers []sleeper
	there    [queuePages]bool
	again    bool // who is let go without a page waits anew
	views    bool // the queues can be looked at
}

const (
	queuePages = 6
	queueTasks = 5
)

// faultsWaitInOrder: QUEUE-1 to QUEUE-4, READ-2, READ-8, WAKE-4, WAKE-5, COPY-7, COPY-8, FDINFO-1.
func faultsWaitInOrder(t *rapid.T, i *Implementation) {
	q := &queues{script: newScript(t, i), again: i.version(t).Era.RetriesForever}
	defer q.close()
	q.do("fd = userfaultfd(O_NONBLOCK)")
	q.do("ioctl(fd, UFFDIO_API, {api=0xaa, features=0})")
	q.do("mmap(%#x, %dp, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", arena, queuePages)
	q.do("ioctl(fd, UFFDIO_REGISTER, {start=%#x, len=%dp, mode=MISSING})", arena, queuePages)
	q.views = q.canDo("queues(fd)")
	t.Repeat(q.set(map[string]func(){
		"": q.count, "fault": q.fault, "read": q.readSome, "wake": q.wake, "copy": q.copy, "dontneed": q.dontneed,
	}))
	q.end()
}

func (q *queues) page(name string) int { return rapid.IntRange(0, queuePages-1).Draw(q.t, name) }

// fault has an idle task touch a page.
func (q *queues) fault() {
	task := fmt.Sprintf("t%d", rapid.IntRange(1, queueTasks).Draw(q.t, "task"))
	if slices.ContainsFunc(q.sleepers, func(s sleeper) bool { return s.task == task }) {
		q.t.Skip("it sleeps")
	}
	page := q.page("page")
	if q.there[page] {
		q.expect("loaded 'A'", "%s: load(%#x)", task, address(page))
		return
	}
	q.expect("blocked", "%s: load(%#x)", task, address(page))
	q.sleepers = append(q.sleepers, sleeper{task: task, page: page})
}

// readSome reads messages: the oldest first, each once.
func (q *queues) readSome() {
	room := rapid.IntRange(1, 3).Draw(q.t, "room")
	want, n := "", 0
	for i := range q.sleepers {
		if s := &q.sleepers[i]; !s.read && n < room {
			s.read = true
			n++
			want += fmt.Sprintf(" {PAGEFAULT address=%#x flags=0}", address(s.page))
		}
	}
	if n == 0 {
		q.expect("-1 EAGAIN (Resource temporarily unavailable)", "read(fd, %d)", 32*room)
		return
	}
	q.expect(fmt.Sprint(32*n)+want, "read(fd, %d)", 32*room)
}

// wake wakes a range. Its sleepers find the page, or nothing.
func (q *queues) wake() {
	from := q.page("from")
	to := rapid.IntRange(from+1, queuePages).Draw(q.t, "to")
	if q.again && q.missing(from, to) > 1 {
		q.t.Skip("who of them waits first again is anybody's guess")
	}
	q.expect("0", "ioctl(fd, UFFDIO_WAKE, {start=%#x, len=%dp})", address(from), to-from)
	q.letGo(from, to)
}

// missing counts the sleepers in a range whose pages are not there.
func (q *queues) missing(from, to int) (n int) {
	for _, s := range q.sleepers {
		if s.page >= from && s.page < to && !q.there[s.page] {
			n++
		}
	}
	return n
}

// copy fills a page, and wakes who waits for it.
func (q *queues) copy() {
	page := q.page("page")
	if q.there[page] {
		q.expect("-1 EEXIST (File exists) {copy=-17}", "ioctl(fd, UFFDIO_COPY, {dst=%#x, len=1p, byte='A'})", address(page))
		return
	}
	q.expect("0 {copy=4096}", "ioctl(fd, UFFDIO_COPY, {dst=%#x, len=1p, byte='A'})", address(page))
	q.there[page] = true
	q.letGo(page, page+1)
}

// dontneed drops a page, which wakes nobody.
func (q *queues) dontneed() {
	page := q.page("page")
	q.expect("0", "madvise(%#x, 1p, MADV_DONTNEED)", address(page))
	q.there[page] = false
}

// letGo asks everybody: who was in the range has ended, and nobody else has.
func (q *queues) letGo(from, to int) {
	var left, anew []sleeper
	for _, s := range q.sleepers {
		switch {
		case s.page < from || s.page >= to:
			q.expect("blocked", "%s", s.task)
			left = append(left, s)
		case q.there[s.page]:
			q.expect("loaded 'A'", "%s", s.task)
		case q.again:
			q.expect("blocked", "%s", s.task)
			anew = append(anew, sleeper{task: s.task, page: s.page})
		default:
			q.expect(fmt.Sprintf("SIGBUS %#x", address(s.page)), "%s", s.task)
		}
	}
	q.sleepers = append(left, anew...)
}

// count holds fdinfo, and the queues themselves, against the oracle.
func (q *queues) count() {
	pending := 0
	var queued, read []string
	for _, s := range q.sleepers {
		if s.read {
			read = append(read, fmt.Sprintf("%s@%#x", s.task, address(s.page)))
			continue
		}
		pending++
		queued = append(queued, fmt.Sprintf("%s@%#x", s.task, address(s.page)))
	}
	if want, got := fmt.Sprintf("pending: %d\ntotal: %d\nAPI: aa:", pending, len(q.sleepers)), q.do("fdinfo(fd)"); !strings.HasPrefix(got, want) {
		q.fail("fdinfo shows %q, and not %q", got, want)
	}
	if !q.views {
		return
	}
	lines := strings.Split(q.do("queues(fd)"), "\n")
	slices.Reverse(queued) // the newest first
	if want := "pending: " + orNone(queued); lines[0] != want {
		q.fail("%q, and not %q", lines[0], want)
	}
	got := strings.Fields(strings.TrimPrefix(lines[1], "read: "))
	slices.Sort(got)
	slices.Sort(read)
	if want := orNone(read); strings.Join(got, " ") != want {
		q.fail("read are %q, and not %q", got, want)
	}
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, " ")
}

// end closes the descriptor: everybody is let go, and finds the page or a zero one.
func (q *queues) end() {
	q.expect("0", "close(fd)")
	for _, s := range q.sleepers {
		want := `loaded '\0'`
		if q.there[s.page] {
			want = "loaded 'A'"
		}
		q.expect(want, "%s", s.task)
	}
}
