package bench

import "github.com/uffdsim/uffdsim/uffd/abi"

const pageSize = 4096

// arena is where the programs map their memory. It is low, and so out of the way of what looks for room
// from the top of the address space down.
const arena uint64 = 1 << 36

// page is the address of a page of the arena.
func page(i int) uint64 { return arena + uint64(i)*pageSize }

// world is a process with a userfaultfd.
type world interface {
	// Main is the thread that made the world, which alone may use it.
	Main() thread
	// Go starts a thread that runs fn.
	Go(fn func(t thread))
	// Wait waits for the threads that Go has started.
	Wait()
	// Close closes the userfaultfd, which wakes who sleeps, waits, and gives the memory back.
	Close()
}

// thread is what a thread of a world can do. Addresses and lengths are in bytes; the errors are those of the
// system calls.
type thread interface {
	// Map maps anonymous private memory for reading and writing, at the address or, for 0, anywhere.
	Map(at, length uint64) (uint64, error)
	Unmap(at, length uint64) error
	DontNeed(at, length uint64) error
	// These are the ioctls of the userfaultfd. They set the fields that the kernel writes.
	Register(r *abi.Register) error
	Unregister(r abi.Range) error
	Wake(r abi.Range) error
	Copy(c *abi.Copy) error
	Zeropage(z *abi.Zeropage) error
	// ReadMsg reads a message of the userfaultfd. PollIn waits until there is one, for as long as it takes.
	ReadMsg() (abi.Msg, error)
	PollIn() error
	// Touch loads a byte. Block does, too; it is for who will be asleep for long. Either comes back once
	// there is a page.
	Touch(at uint64)
	Block(at uint64)
	// Lend is a user pointer to Go memory, for as long as the thread lends nothing else.
	Lend(mem []byte) uint64
}

// maker makes a world, whose descriptor is non-blocking or not, in an address space with room for n VMAs.
type maker func(nonblock bool, n int) (world, error)

func rangeOf(first, pages int) abi.Range {
	return abi.Range{Start: page(first), Len: uint64(pages) * pageSize}
}

// missing is the argument that registers a range for missing pages.
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

// scatter maps n VMAs of a page each, with a page between each two: pages 0, 2, ... of the arena.
func scatter(t thread, n int) error {
	for i := range n {
		if _, err := t.Map(page(2*i), pageSize); err != nil {
			return err
		}
	}
	return nil
}
