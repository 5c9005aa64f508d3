package properties

import (
	"fmt"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"pgregory.net/rapid"
)

// sleeper is a task in a fault, in the oracle of the queues.
type sleeper struct {
	task string
	page int
	read bool
}

// watched is a page in which tasks fault.
type watched struct {
	there bool
	byte  byte
	plain bool // not registered
}

func (p *watched) loaded() string { return fmt.Sprintf("loaded '%s'", character(p.byte)) }

// queues is the oracle: the sleeping tasks, in order of arrival, and the present pages.
type queues struct {
	*script
	sleepers []sleeper
	pages    [queuePages]watched
	killed   []string
	again    bool // a task woken without a page waits again
	wakes    bool // unregister wakes
	views    bool // the queues can be viewed
	none     errno.Errno
}

const (
	queuePages = 6
	queueTasks = 5
)

// faultsWaitInOrder: QUEUE-1 to QUEUE-4, READ-2, READ-4, READ-8, WAKE-1, WAKE-4 to
// WAKE-6, UNREG-4, COPY-7, COPY-8, FDINFO-1.
func faultsWaitInOrder(t *rapid.T, i *Implementation) {
	v := i.profile(t)
	q := &queues{script: newScript(t, i), again: v.MM.Retries == mm.RetryForever, wakes: v.UFFD.Unregister.Wakes, none: errno.EINVAL}
	defer q.close()
	if v.MM.Fill.NotFound {
		q.none = errno.ENOENT
	}
	q.open("fd")
	q.do("mmap(%#x, %dp, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", arena, queuePages)
	q.do("ioctl(fd, UFFDIO_REGISTER, {start=%#x, len=%dp, mode=MISSING})", arena, queuePages)
	q.views = q.canDo("queues(fd)")
	t.Repeat(q.set(map[string]func(){
		"": q.count, "fault": q.fault, "read": q.readSome, "lose": q.lose, "wake": q.wake, "copy": q.copy, "zeropage": q.zeropage,
		"dontneed": q.dontneed, "unregister": q.unregister, "register": q.register, "kill": q.kill,
	}))
	q.end()
}

func (q *queues) page(name string) int { return rapid.IntRange(0, queuePages-1).Draw(q.t, name) }

// fault makes an idle task touch a page.
func (q *queues) fault() {
	task := fmt.Sprintf("t%d", rapid.IntRange(1, queueTasks).Draw(q.t, "task"))
	if slices.Contains(q.killed, task) || slices.ContainsFunc(q.sleepers, func(s sleeper) bool { return s.task == task }) {
		q.t.Skip("the task sleeps, or is dead")
	}
	i := q.page("page")
	p := &q.pages[i]
	if p.plain {
		p.there = true
	}
	if p.there {
		q.expect(p.loaded(), "%s: load(%#x)", task, address(i))
		return
	}
	q.expect("blocked", "%s: load(%#x)", task, address(i))
	q.sleepers = append(q.sleepers, sleeper{task: task, page: i})
}

// take marks the n oldest unread faults as read, and returns their messages.
func (q *queues) take(n int) (taken int, messages string) {
	for i := range q.sleepers {
		if s := &q.sleepers[i]; !s.read && taken < n {
			s.read = true
			taken++
			messages += fmt.Sprintf(" {PAGEFAULT address=%#x flags=0}", address(s.page))
		}
	}
	return taken, messages
}

// readSome reads messages: the oldest first, each once.
func (q *queues) readSome() {
	size := rapid.SampledFrom([]int{31, 32, 64, 95, 96}).Draw(q.t, "size")
	if size < 32 {
		q.expect(failure(errno.EINVAL), "read(fd, %d)", size)
		return
	}
	n, messages := q.take(size / 32)
	if n == 0 {
		q.expect(failure(errno.EAGAIN), "read(fd, %d)", size)
		return
	}
	q.expect(fmt.Sprint(32*n)+messages, "read(fd, %d)", size)
}

// lose reads into unmapped memory: the message is lost, and its fault counts as read.
func (q *queues) lose() {
	want := failure(errno.EAGAIN)
	if n, _ := q.take(1); n > 0 {
		want = failure(errno.EFAULT)
	}
	q.expect(want, "read(fd, 96, %#x)", nowhere)
}

// wake wakes a range. Its sleepers find their page present or missing.
func (q *queues) wake() {
	from := q.page("from")
	to := rapid.IntRange(from+1, queuePages).Draw(q.t, "to")
	if q.again && q.missing(from, to) > 1 {
		q.t.Skip("the order in which they wait again is not defined")
	}
	q.expect("0", "ioctl(fd, UFFDIO_WAKE, {start=%#x, len=%dp})", address(from), to-from)
	q.checkWoken(from, to)
}

// missing counts the sleepers in a range that would sleep again.
func (q *queues) missing(from, to int) (n int) {
	for _, s := range q.sleepers {
		if p := q.pages[s.page]; s.page >= from && s.page < to && !p.there && !p.plain {
			n++
		}
	}
	return n
}

func (q *queues) copy() { q.fill("UFFDIO_COPY, {dst=%#x, len=1p, byte='A', mode=%s}", "copy", 'A') }
func (q *queues) zeropage() {
	q.fill("UFFDIO_ZEROPAGE, {start=%#x, len=1p, mode=%s}", "zeropage", 0)
}

// fill fills a page, and wakes every task that waits for it, unless the mode has
// DONTWAKE.
func (q *queues) fill(format, field string, with byte) {
	i := q.page("page")
	mode := rapid.SampledFrom([]string{"0", "0", "DONTWAKE"}).Draw(q.t, "mode")
	p := &q.pages[i]
	want := fmt.Sprintf("0 {%s=4096}", field)
	switch {
	case p.plain:
		want = fmt.Sprintf("%s {%s=%d}", failure(q.none), field, -int(q.none))
	case p.there:
		want = fmt.Sprintf("%s {%s=-17}", failure(errno.EEXIST), field)
	}
	q.expect(want, "ioctl(fd, "+format+")", address(i), mode)
	if p.plain || p.there {
		return
	}
	p.there, p.byte = true, with
	if mode == "0" {
		q.checkWoken(i, i+1)
	}
}

// dontneed drops a page, which wakes no task.
func (q *queues) dontneed() {
	i := q.page("page")
	q.expect("0", "madvise(%#x, 1p, MADV_DONTNEED)", address(i))
	q.pages[i].there, q.pages[i].byte = false, 0
}

// unregister makes a page plain. Before 4.11 its sleepers continue to sleep.
func (q *queues) unregister() {
	i := q.page("page")
	q.expect("0", "ioctl(fd, UFFDIO_UNREGISTER, {start=%#x, len=1p})", address(i))
	was := q.pages[i].plain
	q.pages[i].plain = true
	if q.wakes && !was {
		q.checkWoken(i, i+1)
	}
}

func (q *queues) register() {
	i := q.page("page")
	if got := q.do("ioctl(fd, UFFDIO_REGISTER, {start=%#x, len=1p, mode=MISSING})", address(i)); !strings.HasPrefix(got, "0 ") {
		q.fail("the answer is %q", got)
	}
	q.pages[i].plain = false
}

// kill kills a sleeper, which then leaves the queue.
func (q *queues) kill() {
	if len(q.sleepers) == 0 {
		q.t.Skip("nobody sleeps")
	}
	i := rapid.IntRange(0, len(q.sleepers)-1).Draw(q.t, "sleeper")
	task := q.sleepers[i].task
	q.expect("0", "kill(%s, SIGKILL)", task)
	q.expect("killed", "%s", task)
	q.killed = append(q.killed, task)
	q.sleepers = slices.Delete(q.sleepers, i, i+1)
}

// checkWoken checks every sleeper: exactly those in the range have ended.
func (q *queues) checkWoken(from, to int) {
	var left, anew []sleeper
	for _, s := range q.sleepers {
		p := &q.pages[s.page]
		inside := s.page >= from && s.page < to
		if inside && p.plain {
			p.there = true
		}
		switch {
		case !inside:
			q.expect("blocked", "%s", s.task)
			left = append(left, s)
		case p.there:
			q.expect(p.loaded(), "%s", s.task)
		case q.again:
			q.expect("blocked", "%s", s.task)
			anew = append(anew, sleeper{task: s.task, page: s.page})
		default:
			q.expect(fmt.Sprintf("SIGBUS %#x", address(s.page)), "%s", s.task)
		}
	}
	q.sleepers = append(left, anew...)
}

// count compares fdinfo, and the queues themselves, with the oracle.
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

// end closes the descriptor: every sleeper wakes, and finds its page or a zero page.
func (q *queues) end() {
	q.expect("0", "close(fd)")
	for _, s := range q.sleepers {
		q.expect(q.pages[s.page].loaded(), "%s", s.task)
	}
}
