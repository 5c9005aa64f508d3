package uffd_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/procfs"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

const (
	page = mm.PageSize
	// arena is page 0 of the memory that tests register: the first page of a page table.
	arena = 0x200000
	// scratch is the address of the arguments. It is below the arena, so that nothing is
	// mapped above the arena.
	scratch = 0x40000
	// nowhere is an address at and above which nothing is ever mapped.
	nowhere = 0x700000000000

	rw    = mm.ProtRead | mm.ProtWrite
	fixed = mm.MapPrivate | mm.MapAnonymous | mm.MapFixed
)

// pg returns the address of a page of the arena.
func pg(i int) uint64 { return arena + uint64(i)*page }

// fixture is a machine with a process, on the controlled executor.
type fixture struct {
	*require.Assertions
	t    *testing.T
	seed uint64
	exec *sim.Controlled
	dir  *director
	m    *machine.Machine
	p    *machine.Process // the process of the tasks, unless a test starts them elsewhere

	procs []*machine.Process
	fds   map[byte]int // by the context's letter
	ctxs  map[byte]*uffd.Ctx
	files map[*uffd.Ctx]*vfs.File
	width int // of the arena, in pages
}

func newFixture(t *testing.T, version string, seed uint64) *fixture {
	t.Helper()
	v, ok := kernel.Lookup(version)
	require.True(t, ok, version)
	k := &fixture{Assertions: require.New(t), t: t, seed: seed, fds: map[byte]int{}, ctxs: map[byte]*uffd.Ctx{}, files: map[*uffd.Ctx]*vfs.File{}}
	k.dir = &director{random: sim.NewRandom(seed)}
	k.exec = sim.NewControlled(k.dir)
	k.dir.exec = k.exec
	k.m = machine.New(k.exec, v)
	k.p = k.newProcess()
	return k
}

func (k *fixture) newProcess() *machine.Process {
	p := k.m.NewProcess()
	k.procs = append(k.procs, p)
	return p
}

// each runs a test in several interleavings, in the profile 2015+copy.
func each(t *testing.T, body func(k *fixture)) {
	t.Helper()
	eachIn(t, "2015+copy", body)
}

// only2015 runs a test in several interleavings, in the profile 2015.
func only2015(t *testing.T, body func(k *fixture)) {
	t.Helper()
	eachIn(t, "2015", body)
}

func eachIn(t *testing.T, version string, body func(k *fixture)) {
	t.Helper()
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			k := newFixture(t, version, seed)
			defer k.exec.Stop()
			body(k)
			k.check()
		})
	}
}

// outcomes runs a race in many interleavings, and returns how often each outcome
// occurred.
func outcomes(t *testing.T, runs uint64, body func(k *fixture) string) map[string]int {
	t.Helper()
	return outcomesIn(t, "2015+copy", runs, body)
}

func outcomesIn(t *testing.T, version string, runs uint64, body func(k *fixture) string) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for seed := range runs {
		func() {
			k := newFixture(t, version, seed)
			defer k.exec.Stop()
			seen[body(k)]++
			k.check()
		}()
	}
	return seen
}

// keys returns the outcomes, sorted.
func keys(seen map[string]int) []string {
	var ks []string
	for s := range seen {
		ks = append(ks, s)
	}
	slices.Sort(ks)
	return ks
}

// check asserts the invariants of the machine, which must be settled, and the use of its
// frames. No copier may sleep: it would have a frame that no page table maps.
func (k *fixture) check() {
	k.t.Helper()
	k.checkState()
	var alive []*mm.MM
	for _, p := range k.procs {
		if p.MM.Users() > 0 {
			alive = append(alive, p.MM)
		}
	}
	k.NoError(mm.CheckFrames(alive...))
}

// checkState asserts the invariants without the use of frames.
func (k *fixture) checkState() {
	k.t.Helper()
	for _, p := range k.procs {
		if p.MM.Users() > 0 {
			k.NoError(p.CheckInvariants())
		}
	}
	for name, ctx := range k.ctxs {
		// A system call in progress also holds the file.
		k.NoError(ctx.CheckInvariants(k.files[ctx].Count() > 0), "context %c", name)
	}
}

func (k *fixture) settle() {
	k.t.Helper()
	k.NoError(k.exec.Settle())
}

// bug settles the machine, and returns the bug that ends the run.
func (k *fixture) bug() *sim.Bug {
	k.t.Helper()
	var bug *sim.Bug
	k.ErrorAs(k.exec.Settle(), &bug)
	return bug
}

// job is a task of a test, and its result.
type job struct {
	task   *sim.Task
	m      *machine.Task
	text   string
	ended  bool
	killed bool
}

// String returns the text with which the task ended, "killed", or "asleep".
func (j *job) String() string {
	switch {
	case !j.ended:
		return "asleep"
	case j.killed:
		return "killed"
	}
	return j.text
}

// start creates a task of the process. It runs in the next settle.
func (k *fixture) start(name string, fn func(t *machine.Task) string) *job {
	return k.startIn(k.p, name, fn)
}

func (k *fixture) startIn(p *machine.Process, name string, fn func(t *machine.Task) string) *job {
	j := new(job)
	j.task = p.Go(name, func(t *machine.Task) {
		j.m = t
		j.text = fn(t)
	}, func(killed bool) { j.ended, j.killed = true, killed })
	return j
}

// do runs a task of the process until it ends.
func (k *fixture) do(fn func(t *machine.Task)) {
	k.t.Helper()
	k.doIn(k.p, fn)
}

func (k *fixture) doIn(p *machine.Process, fn func(t *machine.Task)) {
	k.t.Helper()
	j := k.startIn(p, "main", func(t *machine.Task) string { fn(t); return "" })
	k.settle()
	k.True(j.ended, "the operation did not end")
}

// kill sends a signal from a task outside of the process under test.
func (k *fixture) signal(target *job, sig sim.Signal) {
	k.t.Helper()
	k.do(func(t *machine.Task) { t.Kill(target.task, sig) })
}

// load starts a task that loads a byte. Its result is "0" or "'A'", or the signal that it
// got.
func (k *fixture) load(name string, addr uint64) *job { return k.loadIn(k.p, name, addr) }

func (k *fixture) loadIn(p *machine.Process, name string, addr uint64) *job {
	return k.startIn(p, name, func(t *machine.Task) string {
		var b [1]byte
		outcome, _ := t.Load(addr, b[:])
		return touched(outcome, byteString(b[0]))
	})
}

// store starts a task that stores a byte. Its result is "stored", or the signal that it
// got.
func (k *fixture) store(name string, addr uint64, b byte) *job {
	return k.start(name, func(t *machine.Task) string {
		outcome, _ := t.Store(addr, []byte{b})
		return touched(outcome, "stored")
	})
}

func touched(o mm.Outcome, done string) string {
	switch o {
	case mm.Done:
		return done
	case mm.BusError:
		return "SIGBUS"
	case mm.SegFault:
		return "SIGSEGV"
	}
	return o.String()
}

func byteString(b byte) string {
	if b == 0 {
		return "0"
	}
	return fmt.Sprintf("%q", b)
}

// peek loads a byte, and fails the test if that sleeps.
func (k *fixture) peek(addr uint64) string {
	k.t.Helper()
	j := k.load("peek", addr)
	k.settle()
	return j.String()
}

// present reports whether a page of the arena has a page-table entry.
func (k *fixture) present(i int) bool {
	walk := k.p.MM.PageWalk(pg(i))
	last := walk[len(walk)-1]
	return last.Level == "pte" && last.Entry != 0
}

// result returns the name of an error: "ok", "EINVAL".
func result(err error) string {
	var e errno.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &e):
		return e.Name()
	}
	return err.Error()
}

// open creates a context, and leaves it before the handshake.
func (k *fixture) open(name byte, flags uint32) int {
	k.t.Helper()
	k.do(func(t *machine.Task) {
		fd, err := t.Userfaultfd(flags)
		k.NoError(err)
		k.adopt(name, fd)
	})
	return k.fds[name]
}

func (k *fixture) adopt(name byte, fd int) {
	k.fds[name], k.ctxs[name] = fd, k.p.Ctx(fd)
	k.NotNil(k.ctxs[name])
	k.files[k.ctxs[name]] = k.p.Files().File(fd)
}

// uffd creates a context and makes the handshake.
func (k *fixture) uffd(name byte, flags uint32) int {
	k.t.Helper()
	fd := k.open(name, flags)
	answer, err := k.api(fd, abi.API{API: abi.APIVersion})
	k.NoError(err)
	k.NotZero(answer.Ioctls)
	return fd
}

func (k *fixture) close(fd int) {
	k.t.Helper()
	k.do(func(t *machine.Task) { k.NoError(t.Close(fd)) })
}

// ioctl passes a struct as bytes of Go memory.
func (k *fixture) ioctl(fd int, cmd uint32, arg []byte) (err error) {
	k.t.Helper()
	k.do(func(t *machine.Task) { err = t.IoctlBytes(fd, cmd, arg) })
	return err
}

// ioctlAt passes a pointer into the process's memory.
func (k *fixture) ioctlAt(fd int, cmd uint32, arg uint64) (err error) {
	k.t.Helper()
	k.do(func(t *machine.Task) { err = t.Ioctl(fd, cmd, arg) })
	return err
}

func (k *fixture) api(fd int, arg abi.API) (abi.API, error) {
	k.t.Helper()
	var err error
	k.do(func(t *machine.Task) { err = t.UffdAPI(fd, &arg) })
	return arg, err
}

type encoder interface{ Encode([]byte) }

func encode(s encoder, size int) []byte {
	b := make([]byte, size)
	s.Encode(b)
	return b
}

func pages(first, n int) abi.Range { return abi.Range{Start: pg(first), Len: uint64(n) * page} }

// missing returns the argument of UFFDIO_REGISTER for pages of the arena.
func missing(first, n int) abi.Register {
	return abi.Register{Range: pages(first, n), Mode: abi.RegisterModeMissing}
}

func (k *fixture) registerArg(fd int, arg abi.Register) (abi.Register, error) {
	k.t.Helper()
	var err error
	k.do(func(t *machine.Task) { err = t.UffdRegister(fd, &arg) })
	return arg, err
}

func (k *fixture) register(fd, first, n int) error {
	k.t.Helper()
	_, err := k.registerArg(fd, missing(first, n))
	return err
}

func (k *fixture) unregisterRange(fd int, r abi.Range) (err error) {
	k.t.Helper()
	k.do(func(t *machine.Task) { err = t.UffdUnregister(fd, r) })
	return err
}

func (k *fixture) wakeRange(fd int, r abi.Range) (err error) {
	k.t.Helper()
	k.do(func(t *machine.Task) { err = t.UffdWake(fd, r) })
	return err
}

func (k *fixture) unregister(fd, first, n int) error {
	k.t.Helper()
	return k.unregisterRange(fd, pages(first, n))
}

func (k *fixture) wake(fd, first, n int) error {
	k.t.Helper()
	return k.wakeRange(fd, pages(first, n))
}

// copyPages fills pages of the arena with a byte, and returns the out field.
func (k *fixture) copyPages(fd, first, n int, fill byte, mode uint64) (copied int64, err error) {
	k.t.Helper()
	k.do(func(t *machine.Task) { copied, err = copyPages(t, fd, pages(first, n), fill, mode) })
	return copied, err
}

func copyPages(t *machine.Task, fd int, r abi.Range, fill byte, mode uint64) (int64, error) {
	src := make([]byte, r.Len)
	for i := range src {
		src[i] = fill
	}
	arg := abi.Copy{Dst: r.Start, Src: t.Lend(1, src), Len: r.Len, Mode: mode}
	err := t.UffdCopy(fd, &arg)
	return arg.Copy, err
}

func (k *fixture) zeroPages(fd, first, n int, mode uint64) (zeroed int64, err error) {
	k.t.Helper()
	arg := abi.Zeropage{Range: pages(first, n), Mode: mode}
	k.do(func(t *machine.Task) { err = t.UffdZeropage(fd, &arg) })
	return arg.Zeropage, err
}

// reader starts a task that reads once. Its result is the messages, "p1r p2w", or the
// errno.
func (k *fixture) reader(name string, fd, size int) *job {
	return k.start(name, func(t *machine.Task) string { return read(t, fd, size) })
}

func read(t *machine.Task, fd, size int) string {
	buf := make([]byte, size)
	n, err := t.ReadBytes(fd, buf)
	if err != nil {
		return result(err)
	}
	return messages(buf[:n])
}

// read reads once, and fails the test if that sleeps.
func (k *fixture) read(fd, size int) string {
	k.t.Helper()
	j := k.reader("reader", fd, size)
	k.settle()
	k.True(j.ended, "read did not return")
	return j.String()
}

// messages formats messages: "p1r p2+0x10w".
func messages(buf []byte) string {
	var all []string
	for ; len(buf) >= abi.MsgSize; buf = buf[abi.MsgSize:] {
		var m abi.Msg
		m.Decode(buf)
		if m.Event != abi.EventPagefault {
			all = append(all, fmt.Sprintf("event=%#x", m.Event))
			continue
		}
		s := fmt.Sprintf("p%d", (m.Address-arena)/page)
		if off := m.Address % page; off != 0 {
			s += fmt.Sprintf("+%#x", off)
		}
		all = append(all, s+[]string{"r", "w", "r|wp", "w|wp"}[m.Flags&3])
	}
	if len(buf) > 0 {
		all = append(all, fmt.Sprintf("%d bytes", len(buf)))
	}
	return strings.Join(all, " ")
}

// poll polls once, without waiting.
func (k *fixture) poll(fd int) (events vfs.PollEvents) {
	k.t.Helper()
	k.do(func(t *machine.Task) {
		fds := []vfs.PollFd{{Fd: fd, Events: vfs.PollIn}}
		_, err := t.Poll(fds, false)
		k.NoError(err)
		events = fds[0].Revents
	})
	return events
}

// poller starts a task that waits in poll. Its result is "POLLIN", "POLLERR", "POLLNVAL",
// or the errno.
func (k *fixture) poller(name string, fd int) *job {
	return k.start(name, func(t *machine.Task) string {
		fds := []vfs.PollFd{{Fd: fd, Events: vfs.PollIn}}
		if _, err := t.Poll(fds, true); err != nil {
			return result(err)
		}
		switch fds[0].Revents {
		case vfs.PollIn:
			return "POLLIN"
		case vfs.PollErr:
			return "POLLERR"
		case vfs.PollNval:
			return "POLLNVAL"
		}
		return fmt.Sprintf("revents %#x", fds[0].Revents)
	})
}

// queues returns the tasks in the two fault queues, newest first: "f3 f2 / f1".
func (k *fixture) queues(name byte) string {
	pending, seen := k.ctxs[name].Queues()
	list := func(ws []uffd.Waiter) string {
		var names []string
		for _, w := range ws {
			names = append(names, w.Task)
		}
		return strings.Join(names, " ")
	}
	return strings.TrimSpace(list(pending)+" / ") + strings.TrimRight(" "+list(seen), " ")
}

// lay maps and registers the arena from a bar with a character for each page:
//
//	.      nothing        -  read-write    r  read-only    n  PROT_NONE
//	A..F   read-write, registered with that context       s  MAP_SHARED
//
// lay creates the contexts that do not exist yet, and makes their handshakes.
func (k *fixture) lay(bar string) {
	k.t.Helper()
	k.width = len(bar)
	runs(bar, mapKind, func(first, n int, kind byte) {
		k.mmap(first, n, kind)
	})
	runs(bar, owner, func(first, n int, name byte) {
		if name == 0 {
			return
		}
		if k.ctxs[name] == nil {
			k.uffd(name, 0)
		}
		k.NoError(k.register(k.fds[name], first, n))
	})
	k.Equal(bar, strings.ReplaceAll(k.bar(), "|", ""))
}

func mapKind(c byte) byte {
	if owner(c) != 0 {
		return '-'
	}
	return c
}

func owner(c byte) byte {
	if c >= 'A' && c <= 'F' {
		return c
	}
	return 0
}

func runs(bar string, class func(byte) byte, fn func(first, n int, kind byte)) {
	for i := 0; i < len(bar); {
		j := i + 1
		for j < len(bar) && class(bar[j]) == class(bar[i]) {
			j++
		}
		fn(i, j-i, class(bar[i]))
		i = j
	}
}

func (k *fixture) mmap(first, n int, kind byte) {
	k.t.Helper()
	if kind == '.' {
		return
	}
	prot := map[byte]mm.Prot{'-': rw, 's': rw, 'r': mm.ProtRead, 'n': mm.ProtNone}[kind]
	flags := mm.MapFlags(fixed)
	if kind == 's' {
		flags = mm.MapShared | mm.MapAnonymous | mm.MapFixed
	}
	k.do(func(t *machine.Task) {
		_, err := t.Mmap(pg(first), uint64(n)*page, prot, flags, -1, 0)
		k.NoError(err)
	})
	k.width = max(k.width, first+n)
}

// bar draws the arena in lay's notation, with a | between adjacent VMAs. A registered VMA
// that is not read-write has its context's letter in lower case.
func (k *fixture) bar() string {
	row := []byte(strings.Repeat(".", k.width))
	var cuts []int
	last := uint64(0)
	for _, m := range procfs.Maps(k.p.MM) {
		if m.Start < arena || m.Start >= pg(k.width) {
			continue
		}
		if m.Start == last {
			cuts = append(cuts, int((m.Start-arena)/page))
		}
		last = m.End
		for at := m.Start; at < min(m.End, pg(k.width)); at += page {
			row[(at-arena)/page] = k.letter(m)
		}
	}
	for _, cut := range slices.Backward(cuts) {
		row = slices.Insert(row, cut, '|')
	}
	return string(row)
}

func (k *fixture) letter(m procfs.Mapping) byte {
	if m.Ctx != nil {
		for name, ctx := range k.ctxs {
			if ctx == m.Ctx && m.Modes == "missing" {
				if m.Prot == "rw-p" {
					return name
				}
				return name - 'A' + 'a'
			}
		}
		return '?'
	}
	switch {
	case m.Kind != "":
		return 's'
	case m.Prot == "rw-p":
		return '-'
	case m.Prot == "r--p":
		return 'r'
	case m.Prot == "---p":
		return 'n'
	}
	return '?'
}

// args maps pages of scratch memory for arguments, and returns their address.
func (k *fixture) args(n int) uint64 {
	k.t.Helper()
	k.do(func(t *machine.Task) {
		_, err := t.Mmap(scratch, uint64(n)*page, rw, fixed, -1, 0)
		k.NoError(err)
	})
	return scratch
}

// poke stores bytes in the process's memory. fetch loads them.
func (k *fixture) poke(addr uint64, b []byte) {
	k.t.Helper()
	k.do(func(t *machine.Task) {
		outcome, _ := t.Store(addr, b)
		k.Equal(mm.Done, outcome)
	})
}

func (k *fixture) fetch(addr uint64, n int) []byte {
	k.t.Helper()
	b := make([]byte, n)
	k.do(func(t *machine.Task) {
		outcome, _ := t.Load(addr, b)
		k.Equal(mm.Done, outcome)
	})
	return b
}

func (k *fixture) protect(addr uint64, n int, prot mm.Prot) {
	k.t.Helper()
	k.do(func(t *machine.Task) { k.NoError(t.Mprotect(addr, uint64(n)*page, prot)) })
}

// readOnlyArg stores bytes in memory that it makes read-only, and returns their address.
func (k *fixture) readOnlyArg(b []byte) uint64 {
	k.t.Helper()
	at := k.args(1)
	k.poke(at, b)
	k.protect(at, 1, mm.ProtRead)
	return at
}

// director is a strategy that plays a script, and then chooses at random.
type director struct {
	exec   *sim.Controlled
	random sim.Strategy
	script []scene
	record func(step string) // called with every step, unless nil
}

// scene lets one task run until it announces a step that stop matches, or cannot run.
type scene struct {
	task string
	stop func(step string) bool // nil: until the task cannot run
}

// play sets the script for the next settle.
func (k *fixture) play(scenes ...scene) { k.dir.script = scenes }

// upTo lets the task run until it announces a step whose description ends in one of the
// texts.
func upTo(task string, texts ...string) scene {
	return scene{task, func(step string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.HasSuffix(step, text) })
	}}
}

// all lets the task run until it cannot run.
func all(task string) scene { return scene{task: task} }

func (d *director) describe(t *sim.Task) string {
	s := t.Next()
	return strings.TrimSpace(s.Op.String() + " " + d.exec.ObjectName(s.Obj))
}

// Pick implements [sim.Strategy].
func (d *director) Pick(enabled []*sim.Task, current *sim.Task) *sim.Task {
	chosen := d.cue(enabled)
	if chosen == nil {
		chosen = d.random.Pick(enabled, current)
	}
	if d.record != nil {
		d.record(chosen.Name() + ": " + d.describe(chosen))
	}
	return chosen
}

func (d *director) cue(enabled []*sim.Task) *sim.Task {
	for len(d.script) > 0 {
		s := d.script[0]
		for _, t := range enabled {
			if t.Name() == s.task && (s.stop == nil || !s.stop(d.describe(t))) {
				return t
			}
		}
		d.script = d.script[1:]
	}
	return nil
}

// steps returns the steps that the tasks take during run: "f: spin_lock ctx.fdWqh.Lock".
func (k *fixture) steps(run func()) []string {
	var log []string
	k.dir.record = func(step string) { log = append(log, step) }
	defer func() { k.dir.record = nil }()
	run()
	return log
}

// inOrder asserts that the log contains the steps in this order, possibly with others in
// between. A wanted step is the task's name and the end of the step's description.
func (k *fixture) inOrder(log []string, task string, want ...string) {
	k.t.Helper()
	i := 0
	for _, step := range log {
		if i < len(want) && strings.HasPrefix(step, task+": ") && strings.HasSuffix(step, want[i]) {
			i++
		}
	}
	k.Len(want, i, "step %d of %v is missing in\n%s", i, want, strings.Join(log, "\n"))
}

func equalKeys(seen map[string]int, want []string) bool { return slices.Equal(keys(seen), want) }
