// Package pager is a small userfaultfd pager. It restores memory from a snapshot, page by
// page, while the program that owns the memory already runs. It shows how to write a
// pager so that the same code runs on the kernel and on the model, where its tests can
// try every interleaving.
package pager

import (
	"errors"
	"syscall"
)

// PageSize is the size of a page, in bytes.
const PageSize = 4096

// Uffd lists the operations of a userfaultfd that a pager needs. [Kernel] implements it
// with the running kernel, the tests with the model.
type Uffd interface {
	// ReadFault waits for a fault and returns the address of its page.
	ReadFault() (addr uint64, err error)
	// Copy fills a page by UFFDIO_COPY: EEXIST if the page is already present. Without
	// wake, tasks that wait for the page stay asleep.
	Copy(addr uint64, page []byte, wake bool) error
	// Wake wakes the tasks that wait in a range, by UFFDIO_WAKE.
	Wake(addr, length uint64) error
}

// Snapshot is the saved memory: the bytes of the pages from Start on.
type Snapshot struct {
	Start uint64
	Pages []byte
}

// Serve resolves faults until an operation of the userfaultfd fails, and returns that
// error. Several tasks may serve the same userfaultfd.
func (s *Snapshot) Serve(u Uffd) error {
	for {
		addr, err := u.ReadFault()
		if err != nil {
			return err
		}
		err = u.Copy(addr, s.page(addr), true)
		if errors.Is(err, syscall.EEXIST) {
			// Prefetch has filled the page, and does not wake. The task that sent this
			// message may be asleep.
			err = u.Wake(addr, PageSize)
		}
		if err != nil {
			return err
		}
	}
}

// Prefetch fills all pages that are still missing. It wakes no task: a task that faulted
// meanwhile has sent a message, and Serve wakes it when it reads that message.
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
