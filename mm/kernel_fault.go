package mm

import "github.com/uffdsim/uffdsim/sim"

// FaultFuncs is the map from the kernel's fault path, page tables and user copies of
// 4.3 to this package.
var FaultFuncs = sim.KernelFuncs(
	sim.KernelFunc{Name: "__do_page_fault", Go: (*MM).DoPageFault},
	sim.KernelFunc{Name: "handle_mm_fault", Go: (*MM).HandleMMFault},
	sim.KernelFunc{Name: "do_anonymous_page", Go: (*MM).doAnonymousPage},
	sim.KernelFunc{Name: "do_wp_page", Go: (*MM).doWPPage},
	sim.KernelFunc{Name: "wp_page_copy", Go: (*MM).wpPageCopy},
	sim.KernelFunc{Name: "do_fault", Go: (*MM).doFault},
	sim.KernelFunc{Name: "do_huge_pmd_anonymous_page", Go: (*MM).hugeAnonymousPage},
	sim.KernelFunc{Name: "do_huge_pmd_wp_page", Go: (*MM).hugeWriteFault},
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
	sim.KernelFunc{Name: "copy_pte_range", Go: copyPTEs},
	sim.KernelFunc{Name: "copy_from_user", Go: CopyFromUser},
	sim.KernelFunc{Name: "copy_to_user", Go: CopyToUser},
	sim.KernelFunc{Name: "put_user", Go: PutUser64},
	sim.KernelFunc{Name: "get_user_pages", Go: (*MM).GetUserPage},
	sim.KernelFunc{Name: "get_user_pages_unlocked", Go: (*MM).GetUserPagesUnlocked},
	sim.KernelFunc{Name: "mm_populate", Go: (*MM).Populate},
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
