// Package mm is the modelled address space: an [MM] (the kernel's mm_struct) with
// its VMAs in a B-tree, the system calls that change mappings, and the page-fault path
// up to the hook at which a userfault begins. Frames are in package page, page tables
// in package pgtable.
//
// It recreates the mm of Linux 4.3, one Go function a kernel function, under the
// kernel's names in Go spelling. Addresses and lengths are bytes unless a name says
// pages.
//
// # Locks
//
// Package lockorder has their order. mmap_lock (mmap_sem until 5.8) guards the VMAs, the
// tree, the links and map_count; shmem the pages of a shared memory object; a page-table
// lock one table of the last two levels.
//
// mmap_lock held for writing changes VMAs; held for reading it keeps VMAs and
// page-table pages in existence. Entries of a page table are read without a lock
// and stored under the lock of the table that holds them.
//
// # Files
//
// Most files correspond to one of the kernel's:
//
//	fault.go        arch/x86/mm/fault.c, and the accesses of user mode
//	usercopy.go     uaccess.h; current.go has what a task keeps for it
//	memory.go       mm/memory.c: faults on small pages, zap, the copy for fork
//	huge_memory.go  mm/huge_memory.c
//	pagetable.go    pgd_offset, pmd_alloc, pte_alloc: tables and their mm_struct
//	gup.go          mm/gup.c: pages for the kernel's own use, mm_populate
//	mcopy.go        mm/userfaultfd.c: UFFDIO_COPY and its kin
//	userfault.go    linux/userfaultfd_k.h: the boundary with package uffd
//	vma.go          VMAs, their tree and list; merge.go, anon_vma.go: mm/vma.c, mm/rmap.c
//	mmap.go         mm/mmap.c: mmap, munmap, exit; unmapped.go: get_unmapped_area
//	mprotect.go, mremap.go, madvise.go, shmem.go: the kernel's of these names
//	mremap_6_17.go  mm/mremap.c as 6.17 has rewritten it
//	fork.go         dup_mmap of kernel/fork.c
//
// # The userfault hook
//
// The package does not know userfaultfd: a VMA carries a [Userfault], which the
// context of package uffd satisfies, and the fault path calls it where the kernel
// calls handle_userfault.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): [MM] and [VMA] with the methods that
// have the name of a system call or a kernel function, the flags and constants,
// [Outcome], [Thread], [CopyFromUser] and [CopyToUser], [MM.CheckInvariants].
//
// Internal (may change in any commit, although other packages of this module use it):
// labels, the recycling of memory, fault injection sites, rules, the differences
// between kernels, and the hooks that package uffd and the types of memory implement.
package mm
