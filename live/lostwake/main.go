//go:build linux

// Lostwake tries to lose a wake-up on the running kernel, as in finding 3 of
// docs/findings.md: one thread stores to missing pages, and another one maps the zero
// page at each and stores to it, too, at almost the same time. If a thread is still
// asleep long after its page was filled, its wake-up was lost.
//
// A signal would end the sleep in a page fault, so the Go runtime must send none:
//
//	GODEBUG=asyncpreemptoff=1 go run ./live/lostwake -slow
//
// With -slow, which needs root and tracefs, the kernel records its stack where it frees a
// page and where it flushes a TLB, which makes the two windows longer.
package main

import (
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/uffdsim/uffdsim/uffd/abi"
	"golang.org/x/sys/unix"
)

const (
	pageSize = 4096
	pages    = 4096
	tracing  = "/sys/kernel/tracing/instances/lostwake"
)

func main() {
	limit := flag.Duration("for", 30*time.Second, "how long to try")
	slow := flag.Bool("slow", false, "make the kernel spend time in the windows")
	noStore := flag.Bool("no-store", false, "do not store to the pages, for comparison")
	flag.Parse()
	if !strings.Contains(os.Getenv("GODEBUG"), "asyncpreemptoff=1") {
		log.Fatal("the Go runtime's signals would wake the sleeper: set GODEBUG=asyncpreemptoff=1")
	}
	debug.SetGCPercent(-1) // it would wait for the sleeper, too
	runtime.GOMAXPROCS(4)
	t, err := newTrial()
	if err != nil {
		log.Fatal(err)
	}
	if *slow {
		if err := lengthen(true); err != nil {
			_ = lengthen(false) // undo the part that succeeded
			log.Fatal(err)
		}
		defer func() { _ = lengthen(false) }()
	}
	go t.touch()
	tries, lost := 0, 0
	for start := time.Now(); time.Since(start) < *limit; tries++ {
		if t.fill(int64(tries), !*noStore) {
			lost++
		}
	}
	fmt.Printf("%d tries, %d wake-ups lost\n", tries, lost)
}

// trial is registered memory, and the progress of the two threads.
type trial struct {
	fd        int
	mem       []byte
	may, done atomic.Int64 // the last page that the first thread may touch, and the last that it touched
}

func newTrial() (*trial, error) {
	fd, _, no := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK, 0, 0)
	if no != 0 {
		return nil, fmt.Errorf("userfaultfd: %w", no)
	}
	mem, err := unix.Mmap(-1, 0, pages*pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("mmap: %w", err)
	}
	t := &trial{fd: int(fd), mem: mem}
	t.may.Store(-1)
	t.done.Store(-1)
	var b [abi.RegisterSize]byte
	(&abi.API{API: abi.APIVersion}).Encode(b[:abi.APISize])
	if err := t.ioctl(abi.UFFDIO_API, &b[0]); err != nil {
		return nil, fmt.Errorf("UFFDIO_API: %w", err)
	}
	(&abi.Register{Range: t.pagesAt(0, pages), Mode: abi.RegisterModeMissing}).Encode(b[:])
	if err := t.ioctl(abi.UFFDIO_REGISTER, &b[0]); err != nil {
		return nil, fmt.Errorf("UFFDIO_REGISTER: %w", err)
	}
	return t, unix.Madvise(mem, unix.MADV_NOHUGEPAGE)
}

func (t *trial) pagesAt(page, n uint64) abi.Range {
	start := uint64(uintptr(unsafe.Pointer(&t.mem[0])))
	return abi.Range{Start: start + page*pageSize, Len: n * pageSize}
}

func (t *trial) ioctl(cmd uint32, arg *byte) error {
	if _, _, no := unix.Syscall(unix.SYS_IOCTL, uintptr(t.fd), uintptr(cmd), uintptr(unsafe.Pointer(arg))); no != 0 {
		return no
	}
	return nil
}

// touch stores to one page after the other. A store, unlike a load, allocates a page
// before it finds the registration. The kernel frees that page between the check of the
// page table and the entry into the queue, which takes time.
func (t *trial) touch() {
	runtime.LockOSThread()
	for i := int64(0); ; i++ {
		for t.may.Load() < i {
		}
		spin(300)
		t.mem[i%pages*pageSize+8] = 1
		t.done.Store(i)
	}
}

// fill permits the other thread to touch a page, fills the page at the same time, and
// reports whether the other thread's wake-up was lost.
func (t *trial) fill(i int64, store bool) (lost bool) {
	page := i % pages
	if page == 0 {
		if err := unix.Madvise(t.mem, unix.MADV_DONTNEED); err != nil {
			log.Fatal(err)
		}
	}
	t.may.Store(i)
	spin(600)
	var b [abi.ZeropageSize]byte
	(&abi.Zeropage{Range: t.pagesAt(uint64(page), 1)}).Encode(b[:])
	if err := t.ioctl(abi.UFFDIO_ZEROPAGE, &b[0]); err != nil {
		log.Fatal("UFFDIO_ZEROPAGE: ", err)
	}
	if store {
		t.mem[page*pageSize] = 1
	}
	if t.within(time.Second, i) {
		return false
	}
	fmt.Printf("try %d: asleep a second after its page was filled", i)
	var w [abi.RangeSize]byte
	r := t.pagesAt(uint64(page), 1)
	(&r).Encode(w[:])
	if err := t.ioctl(abi.UFFDIO_WAKE, &w[0]); err != nil {
		log.Fatal("UFFDIO_WAKE: ", err)
	}
	fmt.Printf("; awake after UFFDIO_WAKE: %v\n", t.within(time.Second, i))
	return true
}

// within waits until the page was touched, for at most the duration, and reports whether
// it was.
func (t *trial) within(d time.Duration, i int64) bool {
	for start := time.Now(); t.done.Load() < i; {
		if time.Since(start) > d {
			return false
		}
	}
	return true
}

// spin waits for a random time.
func spin(most int) {
	for n := rand.IntN(most); n > 0; n-- {
		turns.Add(1)
	}
}

var turns atomic.Int64

// lengthen makes the kernel record its stack at the events, or ends that.
func lengthen(on bool) error {
	command := "stacktrace"
	if on {
		if err := os.MkdirAll(tracing, 0o755); err != nil {
			return fmt.Errorf("%w (is tracefs mounted there?)", err)
		}
	} else {
		command = "!stacktrace"
	}
	for _, event := range []string{"kmem/mm_page_free", "tlb/tlb_flush"} {
		if err := os.WriteFile(tracing+"/events/"+event+"/trigger", []byte(command), 0); err != nil {
			return err
		}
	}
	if !on {
		return os.Remove(tracing)
	}
	return nil
}
