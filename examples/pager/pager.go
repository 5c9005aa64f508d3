// Package pager is a small userfaultfd pager: it restores memory from a snapshot, page by page,
// while the program that owns the memory runs already. It shows how to write a pager so that the same
// code runs on the kernel and on the model, where every interleaving of it can be tried.
package pager

import (
	"errors"
	"syscall"
)

// PageSize is the size of a page, in bytes.
const PageSize = 4096

// Uffd is what a pager needs of a userfaultfd. [Kernel] is the running kernel's; the tests have
// one of the model.
type Uffd interface {
	// ReadFault waits for a fault and returns the address of its page.
	ReadFault() (addr uint64, err error)
	// Copy is UFFDIO_COPY of a page. EEXIST if there is one already. Without wake,
	// whoever waits for the page is left asleep.
	Copy(addr uint64, page []byte, wake bool) error
	// Wake is UFFDIO_WAKE.
	Wake(addr, length uint64) error
}

// Snapshot is memory as it was: the pages from Start on.
type Snapshot struct {
	Start uint64
	Pages []byte
}

// Serve resolves faults until the userfaultfd fails. Several tasks may serve one.
func (s *Snapshot) Serve(u Uffd) error {
	for {
		addr, err := u.ReadFault()
		if err != nil {
			return err
		}
		err = u.Copy(addr, s.page(addr), true)
		if errors.Is(err, syscall.EEXIST) {
			// Prefetch was faster, and does not wake: the task whose message this is
			// may be asleep.
			err = u.Wake(addr, PageSize)
		}
		if err != nil {
			return err
		}
	}
}

// Prefetch brings in all pages that nobody has asked for yet. It wakes nobody: who has faulted
// meanwhile has sent a message, and is woken for that.
func (s *Snapshot) Prefetch(u Uffd) error {
	for at := 0; at < len(s.Pages); at += PageSize {
		addr := s.Start + uint64(at)
		if err := u.Copy(addr, s.page(addr), false); err != nil && !errors.Is(err, syscall.EEXIST) {
			return err
		}
	}
	return nil
}

func (s *Snapshot) page(addr uint64) []byte {
	return s.Pages[addr-s.Start:][:PageSize]
}
