package bench

import "github.com/uffdsim/uffdsim/uffd/abi"

const pageSize = 4096

// arena is the address where the programs map their memory. It is low, because the kernel
// chooses addresses from the top of the address space down.
const arena uint64 = 1 << 36

// page returns the address of a page of the arena.
func page(i int) uint64 { return arena + uint64(i)*pageSize }

// world is a process with a userfaultfd.
type world interface {
	// Main returns the thread that made the world. Only that thread may use it.
	Main() thread
	// Go starts a thread that runs fn.
	Go(fn func(t thread))
	// Wait waits for the threads that Go started.
	Wait()
	// Close closes the userfaultfd, which wakes every sleeper, waits, and unmaps the
	// memory.
	Close()
}

// thread is a thread of a world. Addresses and lengths are in bytes; the errors are those
// of the system calls.
type thread interface {
	// Map maps anonymous private memory for reading and writing, at the address or, for
	// 0, at one of the kernel's choice.
	Map(at, length uint64) (uint64, error)
	Unmap(at, length uint64) error
	DontNeed(at, length uint64) error
	// These are the ioctls of the userfaultfd. They set the fields that the kernel
	// writes.
	Register(r *abi.Register) error
	Unregister(r abi.Range) error
	Wake(r abi.Range) error
	Copy(c *abi.Copy) error
	Zeropage(z *abi.Zeropage) error
	// ReadMsg reads a message of the userfaultfd. PollIn waits for one without a limit.
	ReadMsg() (abi.Msg, error)
	PollIn() error
	// Touch loads a byte, and returns when the page is present. Block does the same, and
	// is for a thread that will sleep long.
	Touch(at uint64)
	Block(at uint64)
	// Lend returns a user pointer to Go memory. It is valid until the next call of Lend.
	Lend(mem []byte) uint64
}

// maker makes a world with a blocking or non-blocking descriptor, in an address space
// with room for n VMAs.
type maker func(nonblock bool, n int) (world, error)

func rangeOf(first, pages int) abi.Range {
	return abi.Range{Start: page(first), Len: uint64(pages) * pageSize}
}

// missing returns the argument that registers a range for missing pages.
func missing(r abi.Range) *abi.Register {
	return &abi.Register{Range: r, Mode: abi.RegisterModeMissing}
}

// register registers pages of the arena for missing pages.
func register(t thread, first, pages int) error {
	return t.Register(missing(rangeOf(first, pages)))
}

// mapped maps pages of the arena and registers them.
func mapped(t thread, first, pages int) error {
	if _, err := t.Map(page(first), uint64(pages)*pageSize); err != nil {
		return err
	}
	return register(t, first, pages)
}

// scatter maps n VMAs of a page each, with a hole of a page between them: pages 0, 2, ...
// of the arena.
func scatter(t thread, n int) error {
	for i := range n {
		if _, err := t.Map(page(2*i), pageSize); err != nil {
			return err
		}
	}
	return nil
}
