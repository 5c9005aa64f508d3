package mm

import (
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// KernelFuncs returns the functions of the kernel's mm and the Go functions that recreate
// them. The caller owns the slice.
func KernelFuncs() []sim.KernelFunc { return slices.Concat(faultFuncs, vmaFuncs) }

// faultFuncs are the functions of the fault path, the page tables and the user copies.
var faultFuncs = sim.KernelFuncs(
	sim.KernelFunc{Name: "__do_page_fault", Go: (*MM).DoPageFault},
	sim.KernelFunc{Name: "handle_mm_fault", Go: (*MM).HandleMMFault},
	sim.KernelFunc{Name: "do_anonymous_page", Go: (*MM).doAnonymousPage},
	sim.KernelFunc{Name: "do_wp_page", Go: (*MM).doWPPage},
	sim.KernelFunc{Name: "wp_page_copy", Go: (*MM).wpPageCopy},
	sim.KernelFunc{Name: "do_fault", Go: (*MM).doFault},
	sim.KernelFunc{Name: "do_huge_pmd_anonymous_page", Go: (*MM).doHugePMDAnonymousPage},
	sim.KernelFunc{Name: "do_huge_pmd_wp_page", Go: (*MM).doHugePMDWPPage},
	sim.KernelFunc{Name: "split_huge_page_pmd", Go: (*MM).splitHugePMD},
	sim.KernelFunc{Name: "zap_huge_pmd", Go: zapHugePMD},
	sim.KernelFunc{Name: "copy_huge_pmd", Go: (*MM).copyHugePMD},
	sim.KernelFunc{Name: "pmd_alloc", Go: (*MM).pmdAlloc},
	sim.KernelFunc{Name: "pte_alloc_map", Go: (*MM).pteAlloc},
	sim.KernelFunc{Name: "zap_page_range", Go: (*MM).zapPageRange},
	sim.KernelFunc{Name: "free_pgtables", Go: (*MM).freePgtables},
	sim.KernelFunc{Name: "change_protection", Go: (*MM).changeProtection},
	sim.KernelFunc{Name: "move_page_tables", Go: (*MM).movePageTables},
	sim.KernelFunc{Name: "copy_page_range", Go: (*MM).copyPageRange},
	sim.KernelFunc{Name: "copy_pte_range", Go: copyPTERange},
	sim.KernelFunc{Name: "copy_from_user", Go: CopyFromUser},
	sim.KernelFunc{Name: "copy_to_user", Go: CopyToUser},
	sim.KernelFunc{Name: "put_user", Go: PutUser64},
	sim.KernelFunc{Name: "get_user_pages", Go: (*MM).GetUserPage},
	sim.KernelFunc{Name: "get_user_pages_unlocked", Go: (*MM).GetUserPagesUnlocked},
	sim.KernelFunc{Name: "__get_user_pages", Go: (*MM).getUserPages},
	sim.KernelFunc{Name: "check_vma_flags", Go: checkVMAFlags},
	sim.KernelFunc{Name: "__mm_populate", Go: (*MM).Populate},
	sim.KernelFunc{Name: "populate_vma_page_range", Go: (*MM).populateVMAPageRange},
	sim.KernelFunc{Name: "faultin_page_range", Go: (*MM).faultinPageRange},
	sim.KernelFunc{Name: "faultin_page", Go: (*MM).faultin},
	sim.KernelFunc{Name: "mcopy_atomic", Go: (*MM).McopyAtomic},
	sim.KernelFunc{Name: "mfill_zeropage", Go: (*MM).MfillZeropage},
	sim.KernelFunc{Name: "__mcopy_atomic", Go: (*MM).atomicFill},
	sim.KernelFunc{Name: "mcopy_atomic_pte", Go: (*MM).mcopyAtomicPTE},
	sim.KernelFunc{Name: "mfill_zeropage_pte", Go: (*MM).mfillZeropagePTE},
	sim.KernelFunc{Name: "find_vma", Go: (*MM).FindVMA},
	sim.KernelFunc{Name: "find_vma_prev", Go: (*MM).FindVMAPrev},
	sim.KernelFunc{Name: "vma_link", Go: (*MM).link},
	sim.KernelFunc{Name: "mmput", Go: (*MM).Put},
)

// vmaFuncs are the functions that manage VMAs, and the system calls.
var vmaFuncs = sim.KernelFuncs(
	sim.KernelFunc{Name: "find_vma", Go: (*MM).FindVMA},
	sim.KernelFunc{Name: "find_vma_prev", Go: (*MM).FindVMAPrev},
	sim.KernelFunc{Name: "find_vma_links", Go: (*MM).findVMALinks},
	sim.KernelFunc{Name: "vma_link", Go: (*MM).insert},
	sim.KernelFunc{Name: "vma_adjust", Go: (*MM).vmaAdjust},
	sim.KernelFunc{Name: "vma_merge", Go: (*MM).VMAMerge},
	sim.KernelFunc{Name: "split_vma", Go: (*MM).SplitVMA},
	sim.KernelFunc{Name: "__split_vma", Go: (*MM).splitVMA},
	sim.KernelFunc{Name: "split_huge_page_address", Go: (*MM).splitHugePageAddress},
	sim.KernelFunc{Name: "anon_vma_prepare", Go: (*VMA).anonVMAPrepare},
	sim.KernelFunc{Name: "find_mergeable_anon_vma", Go: (*VMA).findMergeableAnonVMA},
	sim.KernelFunc{Name: "anon_vma_clone", Go: (*VMA).anonVMAClone},
	sim.KernelFunc{Name: "anon_vma_fork", Go: (*VMA).anonVMAFork},
	sim.KernelFunc{Name: "mmap_pgoff", Go: (*MM).Mmap},
	sim.KernelFunc{Name: "do_mmap_pgoff", Go: (*MM).doMmap},
	sim.KernelFunc{Name: "mmap_region", Go: (*MM).mmapRegion},
	sim.KernelFunc{Name: "get_unmapped_area", Go: (*MM).getUnmappedArea},
	sim.KernelFunc{Name: "arch_get_unmapped_area_topdown", Go: (*MM).archGetUnmappedAreaTopdown},
	sim.KernelFunc{Name: "unmapped_area_topdown", Go: (*MM).unmappedAreaTopdown},
	sim.KernelFunc{Name: "unmapped_area", Go: (*MM).unmappedArea},
	sim.KernelFunc{Name: "munmap", Go: (*MM).Munmap},
	sim.KernelFunc{Name: "do_munmap", Go: (*MM).doMunmap},
	sim.KernelFunc{Name: "detach_vmas_to_be_unmapped", Go: (*MM).detachVMAsToBeUnmapped},
	sim.KernelFunc{Name: "unmap_region", Go: (*MM).unmapRegion},
	sim.KernelFunc{Name: "remove_vma_list", Go: (*MM).removeVMAList},
	sim.KernelFunc{Name: "mprotect", Go: (*MM).Mprotect},
	sim.KernelFunc{Name: "mprotect_fixup", Go: (*MM).mprotectFixup},
	sim.KernelFunc{Name: "mremap", Go: (*MM).Mremap},
	sim.KernelFunc{Name: "mremap_to", Go: (*MM).mremapTo},
	sim.KernelFunc{Name: "vma_to_resize", Go: (*MM).vmaToResize},
	sim.KernelFunc{Name: "vma_expandable", Go: (*MM).vmaExpandable},
	sim.KernelFunc{Name: "move_vma", Go: (*MM).moveVMA},
	sim.KernelFunc{Name: "copy_vma", Go: (*MM).copyVMA},
	sim.KernelFunc{Name: "madvise", Go: (*MM).Madvise},
	sim.KernelFunc{Name: "madvise_vma", Go: (*MM).madviseVMA},
	sim.KernelFunc{Name: "madvise_populate", Go: (*MM).madvisePopulate},
	sim.KernelFunc{Name: "dup_mm", Go: (*MM).Fork},
	sim.KernelFunc{Name: "dup_mmap", Go: (*MM).dupMmap},
	sim.KernelFunc{Name: "exit_mmap", Go: (*MM).exitMmap},
	sim.KernelFunc{Name: "shmem_zero_setup", Go: (*MM).shmemZeroSetup},
	sim.KernelFunc{Name: "shmem_fault", Go: shmemFault},
)
