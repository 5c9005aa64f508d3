// Package mm models the address space: an [MM] (the kernel's mm_struct) with its VMAs in
// a B-tree, the system calls that change mappings, and the page-fault path up to the hook
// at which a userfault begins. Frames are in package page, page tables in package
// pgtable.
//
// It recreates the mm of Linux 4.3, one Go function for one kernel function, under the
// kernel's names in Go spelling. [Facts] has the differences of other versions. A kernel
// name after a colon is the function of 4.3 that a Go function recreates, unless the
// comment names another version. Numbers such as COPY-3 or §17.2 refer to docs/rules.md.
// Addresses and lengths are in bytes unless a name says pages.
//
// # Terms
//
// A fault asks for a retry when it has dropped mmap_lock, usually to sleep: the caller
// has to look up the VMA again and repeat the fault (VM_FAULT_RETRY). A VMA is registered
// if a userfault context owns its faults. A page of a range is missing if its page-table
// entry is none.
//
// # Locks
//
// Package lockorder has the lock order. mmap_lock (mmap_sem before 5.8) protects the
// VMAs, their tree and list, and map_count. The shmem lock protects the pages of a shared
// memory object. A page-table lock protects one table of the two lowest levels;
// page_table_lock protects the tables above and the preparation of an anon_vma.
//
// VMAs change only under mmap_lock held for writing. mmap_lock held for reading keeps
// VMAs and page tables from being freed. A page-table entry may be read without a lock,
// and is stored under the lock of its table.
//
// # Files
//
// Most files correspond to one of the kernel's:
//
//	fault.go        arch/x86/mm/fault.c, and the loads and stores of user mode
//	usercopy.go     asm/uaccess.h: copies between the kernel and user memory
//	current.go      a task's state (current), and the window that stands for user memory
//	memory.go       mm/memory.c: faults on small pages, zap, the copy for fork
//	huge_memory.go  mm/huge_memory.c: faults on huge pages, split, zap, copy
//	pagetable.go    pgd_offset, pmd_alloc, pte_alloc: the tables of an mm_struct
//	gup.go          mm/gup.c: get_user_pages and its variants, mm_populate
//	mcopy.go        mm/userfaultfd.c: the fills of UFFDIO_COPY and UFFDIO_ZEROPAGE
//	userfault.go    linux/userfaultfd_k.h: the boundary with package uffd
//	vma.go          mm/mmap.c (mm/vma.c since 6.12): VMAs, their tree and list
//	merge.go        mm/mmap.c (mm/vma.c since 6.12): vma_merge, split_vma, vma_adjust
//	anon_vma.go     mm/rmap.c: the anon_vma of a VMA
//	mmap.go         mm/mmap.c: mmap, munmap, exit_mmap
//	unmapped.go     mm/mmap.c: get_unmapped_area
//	mprotect.go, mremap.go, madvise.go, shmem.go: the kernel's files of these names
//	mremap_6_17.go  mm/mremap.c of 6.17, which rewrote it
//	fork.go         kernel/fork.c: dup_mmap
//	facts.go        the differences between kernel versions
//	invariants.go   consistency checks: validate_mm and more
//
// # The userfault hook
//
// The package does not import package uffd. A VMA has a [Userfault], an interface that
// the context of package uffd implements, and the fault path calls it where the kernel
// calls handle_userfault.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): [MM] and [VMA] with the methods that
// have the name of a system call or a kernel function, the flags and constants,
// [Outcome], [Thread], [CopyFromUser] and [CopyToUser], [MM.CheckInvariants].
//
// Internal (may change in any commit, although other packages of this module use it):
// labels ([MM.Label]), the recycling of memory ([MM.Recycle]), the names of the sites
// where an allocation can be made to fail, rules ([MM.Dropped], [RuleClashes]), [Facts],
// and the interfaces that package uffd and memory types implement ([Userfault],
// [VMOperations], [UffdOps], [Mapper]).
package mm
