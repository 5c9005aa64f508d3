package properties

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"pgregory.net/rapid"
)

// holders is the oracle of references: for each process its descriptors by name, and the
// context of each. Context k has page k registered.
type holders struct {
	*script
	processes map[string]map[string]int
	contexts  int
	asleep    map[int]string // the task that sleeps in the page of each context
	names     int
	forks     int
	counted   bool // users() is supported
	pins      bool // a context counts as a user
}

const maxContexts = 6

// contextsLastAsLongAsDescriptors: CREATE-4, REL-3, REL-5, REL-9, REL-12.
func contextsLastAsLongAsDescriptors(t *rapid.T, i *Implementation) {
	v := i.profile(t)
	h := &holders{script: newScript(t, i), processes: map[string]map[string]int{"main": {}}, asleep: map[int]string{}, pins: v.UFFD.Pins == uffd.PinsMemory}
	defer h.close()
	h.do("mmap(%#x, %dp, %s, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", arena, maxContexts, protWrite)
	h.counted = h.canDo("users()")
	t.Repeat(h.set(map[string]func(){
		"": h.compare, "open": h.create, "dup": h.dup, "close": h.closeOne, "fork": h.fork, "exit": h.exit, "fault": h.fault,
	}))
	h.orphan(v)
}

func (h *holders) name() string {
	h.names++
	return fmt.Sprintf("n%d", h.names)
}

// draw draws a process that has a descriptor, and one of its descriptors.
func (h *holders) draw() (process, fd string) {
	process = h.process(func(p string) bool { return len(h.processes[p]) > 0 })
	return process, rapid.SampledFrom(slices.Sorted(maps.Keys(h.processes[process]))).Draw(h.t, "fd")
}

func (h *holders) process(fits func(name string) bool) string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(h.processes)), func(p string) bool { return !fits(p) })
	if len(names) == 0 {
		h.t.Skip("no such process")
	}
	return rapid.SampledFrom(names).Draw(h.t, "process")
}

// create creates a context with a page of its own.
func (h *holders) create() {
	if h.contexts == maxContexts {
		h.t.Skip("all pages are used")
	}
	fd := h.name()
	h.open(fd)
	h.do("ioctl(%s, UFFDIO_REGISTER, {start=%#x, len=1p, mode=MISSING})", fd, address(h.contexts))
	h.processes["main"][fd] = h.contexts
	h.contexts++
}

func (h *holders) dup() {
	process, fd := h.draw()
	name := h.name()
	h.do("%s: %s = dup(%s)", process, name, fd)
	h.processes[process][name] = h.processes[process][fd]
}

func (h *holders) closeOne() {
	process, fd := h.draw()
	h.expect("0", "%s: close(%s)", process, fd)
	delete(h.processes[process], fd)
}

// fork gives a child all descriptors of its parent.
func (h *holders) fork() {
	if h.forks == 3 {
		h.t.Skip("an implementation may have room for a few processes only")
	}
	h.forks++
	parent := h.process(func(string) bool { return true })
	child := h.name()
	h.do("%s: %s = fork()", parent, child)
	h.processes[child] = maps.Clone(h.processes[parent])
}

// exit ends a child, which closes its descriptors.
func (h *holders) exit() {
	child := h.process(func(p string) bool { return p != "main" })
	h.expect("exited", "%s: exit()", child)
	delete(h.processes, child)
}

// fault makes a task sleep in the page of a context.
func (h *holders) fault() {
	k := rapid.IntRange(0, maxContexts/2).Draw(h.t, "context")
	if h.asleep[k] != "" || !h.held(k) {
		h.t.Skip("a task sleeps there, or the access would not sleep")
	}
	task := fmt.Sprintf("t%d", k)
	h.expect("blocked", "%s: load(%#x)", task, address(k))
	h.asleep[k] = task
}

// held reports whether any process has a descriptor of the context.
func (h *holders) held(k int) bool {
	for _, fds := range h.processes {
		for _, of := range fds {
			if of == k {
				return true
			}
		}
	}
	return false
}

// compare compares the registrations, the sleepers and the count of users with the
// oracle.
func (h *holders) compare() {
	var registered [maxContexts]bool
	for _, a := range h.maps() {
		for i := a.from; i < a.to; i++ {
			registered[i] = a.owner != ""
		}
	}
	users := 1
	for k := range registered {
		held := h.held(k)
		if registered[k] != held {
			h.fail("page %d: registered is %v, a descriptor exists is %v", k, registered[k], held)
		}
		if task := h.asleep[k]; task != "" && held {
			h.expect("blocked", "%s", task)
		} else if task != "" {
			h.expect(`loaded '\0'`, "%s", task)
			delete(h.asleep, k)
		}
		if held && h.pins {
			users++
		}
	}
	if h.counted {
		h.expect(fmt.Sprint(users), "users()")
	}
}

// noMemory has the errors of UFFDIO_COPY and UFFDIO_ZEROPAGE if the memory was torn down.
var noMemory = map[uffd.MemoryGone][2]errno.Errno{
	uffd.MemoryGoneInvalid:   {errno.EINVAL, errno.EINVAL},
	uffd.MemoryGoneNoSpace:   {errno.ENOSPC, errno.EINVAL},
	uffd.MemoryGoneNoProcess: {errno.ESRCH, errno.ESRCH},
}

// orphan ends the first process while a child has a descriptor. The memory is torn down,
// unless the context holds it.
func (h *holders) orphan(v kernel.Profile) {
	delete(h.processes, "main")
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(h.processes)), func(p string) bool { return len(h.processes[p]) == 0 })
	if len(names) == 0 {
		return
	}
	child := names[0]
	fd := slices.Sorted(maps.Keys(h.processes[child]))[0]
	page := address(h.processes[child][fd])
	for _, task := range h.asleep {
		h.expect("0", "kill(%s, SIGKILL)", task)
	}
	h.expect("exited", "exit()")
	h.expect("0", "%s: ioctl(%s, UFFDIO_WAKE, {start=%#x, len=1p})", child, fd, page)
	register, unregister, fill := "0 {ioctls=", "0", [2]string{" {", " {"}
	if v.UFFD.Pins == uffd.PinsStruct {
		register, unregister = failure(errno.ENOMEM), failure(errno.ENOMEM)
		for i, no := range noMemory[v.UFFD.MemoryGone] {
			fill[i] = failure(no)
		}
	}
	if v.UFFD.Offers(abi.MaskCopy) {
		for i, op := range []string{"UFFDIO_COPY, {dst=%#x, len=1p, byte='A'}", "UFFDIO_ZEROPAGE, {start=%#x, len=1p}"} {
			if got := h.do(child+": ioctl("+fd+", "+op+")", page); !strings.Contains(got, fill[i]) {
				h.fail("the answer is %q, and not %q", got, fill[i])
			}
		}
	}
	if got := h.do("%s: ioctl(%s, UFFDIO_REGISTER, {start=%#x, len=1p, mode=MISSING})", child, fd, page); !strings.HasPrefix(got, register) {
		h.fail("the answer is %q, and not %q", got, register)
	}
	h.expect(unregister, "%s: ioctl(%s, UFFDIO_UNREGISTER, {start=%#x, len=1p})", child, fd, page)
}
