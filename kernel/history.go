package kernel

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// history lists every change in the order of the mainline releases. Immutable.
var history = []Change{
	{
		Name: "copy-and-zeropage", Release: "2015+copy", Src: "the series of 2015", Live: Running,
		Doc:      "UFFDIO_COPY and UFFDIO_ZEROPAGE resolve faults.",
		Scenario: "kernel/testdata/copy-and-zeropage.uffd",
		assign:   func(p *Profile) { p.UFFD.RangeIoctls |= abi.MaskCopy | abi.MaskZeropage },
	},

	{
		Name: "handshake-gates-ioctls", Release: "4.3", Src: "v4.3.3", Live: Running,
		Doc:      "Every other ioctl returns EINVAL before the handshake.",
		Scenario: "kernel/testdata/handshake-gates-ioctls.uffd",
		assign:   func(p *Profile) { p.UFFD.Handshake = uffd.HandshakeGated },
	},
	{
		Name: "refiles-are-counted", Release: "4.3", Src: "v4.3.3",
		Doc:     "A sequence count keeps a waker from finding both queues empty while a reader moves a fault.",
		Program: "read-copy",
		assign:  func(p *Profile) { p.UFFD.CountsRefiles = true },
	},
	{
		Name: "user-faults-yield-to-signals", Release: "4.3", Src: "v4.3.3", Live: Running,
		Doc:      "Any signal ends a fault in user mode; after the handler the task repeats the access.",
		Scenario: "kernel/testdata/user-faults-yield-to-signals.uffd",
		assign:   func(p *Profile) { p.UFFD.Signals = uffd.SignalsYield },
	},
	{
		Name: "failed-file-drops-mm", Release: "4.3", Src: "v4.3.3",
		Doc:      "userfaultfd(2) drops its reference on the mm if it cannot create the file.",
		Scenario: "kernel/testdata/failed-file-drops-mm.uffd",
		assign:   func(p *Profile) { p.UFFD.Create.PutsMM = true },
	},

	{
		Name: "huge-advice-twice", Release: "4.4", Src: "v4.10.1", Live: Running,
		Doc:      "A second MADV_HUGEPAGE or MADV_NOHUGEPAGE of the same range succeeds.",
		Scenario: "conform/testdata/madvise-huge-twice.uffd",
		assign:   func(p *Profile) { p.MM.HugeAdviceTwice = true },
	},
	{
		Name: "context-pins-struct", Release: "4.7", Backports: []string{"4.4.181"}, Commit: "d2005e3f41d4",
		Src: "v4.10.1", Live: Running,
		Doc:      "A context pins the mm_struct and not the memory; a fill returns EINVAL if the memory was torn down.",
		Scenario: "conform/testdata/memory-is-gone.uffd",
		assign:   func(p *Profile) { p.UFFD.Pins = uffd.PinsStruct },
	},
	{
		Name: "messages-mask-address", Release: "4.10", Src: "v4.10.1", Live: Running,
		Doc:      "A message carries the address of the page, not of the byte.",
		Scenario: "kernel/testdata/messages-mask-address.uffd",
		assign:   func(p *Profile) { p.UFFD.MasksAddress = true },
	},
	{
		Name: "faults-sleep-until-woken", Release: "4.10", Src: "v4.10.1",
		Doc:     "A fault sleeps again after a wake-up that was not for this fault.",
		Program: "late-wake",
		assign:  func(p *Profile) { p.UFFD.Sleep = uffd.SleepUntilWoken },
	},
	{
		Name: "features-and-events", Release: "4.11", Src: "v4.11", Live: Running,
		Doc:      "The handshake may ask for features: EVENT_FORK, EVENT_REMAP, EVENT_REMOVE, EVENT_UNMAP, MISSING_HUGETLBFS and MISSING_SHMEM.",
		Scenario: "conform/testdata/api-feature-event-fork.uffd",
		assign: func(p *Profile) {
			p.UFFD.Features = abi.FeatureEventFork | abi.FeatureEventRemap | abi.FeatureEventRemove |
				abi.FeatureEventUnmap | abi.FeatureMissingHugetlbfs | abi.FeatureMissingShmem
		},
	},
	{
		Name: "unregister-wakes", Release: "4.11", Src: "v4.11", Live: Running,
		Doc:      "UFFDIO_UNREGISTER wakes the faults in the range.",
		Scenario: "kernel/testdata/unregister-wakes.uffd",
		assign:   func(p *Profile) { p.UFFD.Unregister.Wakes = true },
	},
	{
		Name: "fill-finds-nothing", Release: "4.11", Src: "v4.11", Live: Running,
		Doc:      "A fill of memory that is not registered returns ENOENT, no longer EINVAL.",
		Scenario: "kernel/testdata/fill-finds-nothing.uffd",
		assign:   func(p *Profile) { p.MM.Fill.NotFound = true },
	},
	{
		Name: "memory-gone-enospc", Release: "4.11", Src: "v4.11",
		Doc:      "UFFDIO_COPY returns ENOSPC if the memory was torn down; UFFDIO_ZEROPAGE still returns EINVAL.",
		Scenario: "conform/testdata/memory-is-gone.uffd",
		assign:   func(p *Profile) { p.UFFD.MemoryGone = uffd.MemoryGoneNoSpace },
	},
	{
		Name: "memory-gone-esrch", Release: "4.13", Src: "v4.14.74", Live: Running,
		Doc:      "A fill returns ESRCH if the memory was torn down.",
		Scenario: "conform/testdata/memory-is-gone.uffd",
		assign:   func(p *Profile) { p.UFFD.MemoryGone = uffd.MemoryGoneNoProcess },
	},
	{
		Name: "feature-sigbus", Release: "4.14", Src: "v4.14.74", Live: Running,
		Doc:      "UFFD_FEATURE_SIGBUS: every missing fault is SIGBUS.",
		Scenario: "conform/testdata/api-feature-sigbus.uffd",
		assign:   func(p *Profile) { p.UFFD.Features |= abi.FeatureSIGBUS },
	},
	{
		Name: "feature-thread-id", Release: "4.14", Src: "v4.14.74", Live: Running,
		Doc:      "UFFD_FEATURE_THREAD_ID: messages carry the number of the faulting thread.",
		Scenario: "conform/testdata/api-feature-thread-id.uffd",
		assign:   func(p *Profile) { p.UFFD.Features |= abi.FeatureThreadID },
	},
	{
		Name: "released-nopage", Release: "4.14", Src: "v4.14.74",
		Doc:     "A fault on a released context is repeated, no longer SIGBUS.",
		Program: "close-only",
		assign:  func(p *Profile) { p.UFFD.Released = uffd.ReleasedNoPage },
	},
	{
		Name: "mremap-refuses-duplicate", Release: "4.14", Src: "v4.14.74", Live: Running,
		Doc:      "mremap does not duplicate private memory: it returns EINVAL for an old length of 0.",
		Scenario: "kernel/testdata/mremap-refuses-duplicate.uffd",
		assign:   func(p *Profile) { p.MM.Mremap.RefusesDuplicate = true },
	},
	{
		Name: "context-first", Release: "4.16", Src: "v4.19.0", Live: Running,
		Doc:     "userfaultfd(2) checks its flags and makes the context before it reserves a descriptor: EINVAL and ENOMEM come before EMFILE.",
		Program: "full-table",
		assign:  func(p *Profile) { p.UFFD.Create.ContextFirst = true },
	},
	{
		Name: "fixed-noreplace", Release: "4.17", Src: "v4.19.0", Live: Running,
		Doc:      "mmap knows MAP_FIXED_NOREPLACE.",
		Scenario: "kernel/testdata/fixed-noreplace.uffd",
		assign:   func(p *Profile) { p.MM.FixedNoReplace = true },
	},

	{
		Name: "mremap-unregisters", Release: "5.0", Src: "v5.7.14", Live: Running,
		Doc:      "A mapping that moves loses its registration, unless its context asked for UFFD_FEATURE_EVENT_REMAP.",
		Scenario: "conform/testdata/registered-mremap-move.uffd",
		assign:   func(p *Profile) { p.MM.Mremap.Unregisters = true },
	},
	{
		Name: "mremap-counts-first", Release: "5.2", Src: "v5.7.14",
		Doc:      "mremap to a fixed address checks the number of VMAs before it unmaps anything.",
		Scenario: "kernel/testdata/mremap-counts-first.uffd",
		assign:   func(p *Profile) { p.MM.Mremap.CountsFirst = true },
	},
	{
		Name: "feature-wp", Release: "5.7", Src: "v5.7.14", Live: Running,
		Doc:      "UFFD_FEATURE_PAGEFAULT_FLAG_WP and UFFDIO_WRITEPROTECT.",
		Scenario: "conform/testdata/api-feature-pagefault-flag-wp.uffd",
		assign: func(p *Profile) {
			p.UFFD.Features |= abi.FeaturePagefaultFlagWP
			p.UFFD.RangeIoctls |= abi.MaskWriteprotect
		},
	},
	{
		Name: "copy-knows-wp", Release: "5.7", Src: "v5.7.14", Live: Running,
		Doc:      "UFFDIO_COPY knows the mode WP.",
		Scenario: "conform/testdata/copy-wp.uffd",
		assign:   func(p *Profile) { p.UFFD.Copy.KnowsWP = true },
	},
	{
		Name: "retries-forever", Release: "5.7", Src: "v5.7.14", Live: Running,
		Doc:      "A fault may be retried any number of times: a wake-up without a page causes another fault, not SIGBUS.",
		Scenario: "conform/testdata/fault-load-wake.uffd",
		assign:   func(p *Profile) { p.MM.Retries = mm.RetryForever },
	},
	{
		Name: "faults-are-interruptible", Release: "5.7", Src: "v5.7.14", Live: Running,
		Doc:      "The fault flags say which signals end the sleep: any signal, also in a fault of kernel mode.",
		Scenario: "kernel/testdata/faults-are-interruptible.uffd",
		assign: func(p *Profile) {
			p.MM.InterruptibleFaults, p.UFFD.Signals = true, uffd.SignalsByFlags
		},
	},
	{
		Name: "faults-sleep-once", Release: "5.9", Commit: "f9bf352224d7", Src: "v5.11",
		Doc:     "A fault sleeps once, without a test for signals; a retry after a stray wake-up queues a new message.",
		Program: "stray-wake",
		assign:  func(p *Profile) { p.UFFD.Sleep = uffd.SleepOnce },
	},
	{
		Name: "retried-faults-are-major", Release: "5.9", Commit: "bce617edecad", Src: "v5.11",
		Doc:     "A fault counts as major if it was retried, whether it slept or not.",
		Program: "counted-faults",
		assign:  func(p *Profile) { p.MM.MajorIfRetried = true },
	},
	{
		Name: "user-mode-only", Release: "5.11", Src: "v5.11", Live: Running,
		Doc:      "UFFD_USER_MODE_ONLY: faults in kernel mode are SIGBUS.",
		Scenario: "conform/testdata/user-mode-only-from.uffd",
		assign:   func(p *Profile) { p.UFFD.Flags |= abi.UserModeOnly },
	},
	{
		Name: "feature-minor-hugetlbfs", Release: "5.13", Src: "v5.14.2", Live: Running,
		Doc:      "UFFD_FEATURE_MINOR_HUGETLBFS and UFFDIO_CONTINUE.",
		Scenario: "conform/testdata/api-feature-minor-hugetlbfs.uffd",
		assign: func(p *Profile) {
			p.UFFD.Features |= abi.FeatureMinorHugetlbfs
			p.UFFD.RangeIoctls |= abi.MaskContinue
		},
	},
	{
		Name: "feature-minor-shmem", Release: "5.14", Src: "v5.14.2", Live: Running,
		Doc:      "UFFD_FEATURE_MINOR_SHMEM.",
		Scenario: "conform/testdata/api-feature-minor-shmem.uffd",
		assign:   func(p *Profile) { p.UFFD.Features |= abi.FeatureMinorShmem },
	},
	{
		Name: "madvise-populates", Release: "5.14", Commit: "4ca9b3859dac", Src: "v5.14.2", Live: Running,
		Doc:      "MADV_POPULATE_READ and MADV_POPULATE_WRITE are known.",
		Scenario: "conform/testdata/populate-read-rw.uffd",
		assign:   func(p *Profile) { p.MM.Populate = mm.PopulatePassesHoles },
	},
	{
		Name: "handshake-compare-exchange", Release: "5.15", Backports: []string{"5.10.67"}, Commit: "22e5fe2a2a27",
		Src: "v5.17", Live: Running,
		Doc:      "A second handshake is refused last, with the struct zeroed; fdinfo shows that a handshake was made.",
		Scenario: "kernel/testdata/handshake-compare-exchange.uffd",
		assign:   func(p *Profile) { p.UFFD.Handshake = uffd.HandshakeCompareExchange },
	},
	{
		Name: "mremap-needs-mapping", Release: "5.16", Src: "v5.17", Live: Running,
		Doc:      "mremap of an unmapped address returns EFAULT in every case.",
		Scenario: "kernel/testdata/mremap-needs-mapping.uffd",
		assign:   func(p *Profile) { p.MM.Mremap.NeedsMapping = true },
	},
	{
		Name: "feature-exact-address", Release: "5.18", Src: "v5.19", Live: Running,
		Doc:      "UFFD_FEATURE_EXACT_ADDRESS: messages carry the address of the byte.",
		Scenario: "conform/testdata/api-feature-exact-address.uffd",
		assign:   func(p *Profile) { p.UFFD.Features |= abi.FeatureExactAddress },
	},
	{
		Name: "feature-wp-hugetlbfs-shmem", Release: "5.19", Src: "v5.19", Live: Running,
		Doc:      "UFFD_FEATURE_WP_HUGETLBFS_SHMEM.",
		Scenario: "conform/testdata/api-feature-wp-hugetlbfs-shmem.uffd",
		assign:   func(p *Profile) { p.UFFD.Features |= abi.FeatureWPHugetlbfsShmem },
	},

	{
		Name: "file-is-seekable", Release: "6.0", Commit: "e7478158e137", Src: "v6.1.192", Live: Running,
		Doc:      "lseek(2) of a userfaultfd succeeds and changes nothing.",
		Scenario: "kernel/testdata/file-is-seekable.uffd",
		assign:   func(p *Profile) { p.UFFD.Create.Seekable = true },
	},
	{
		Name: "file-is-read-only", Release: "6.1", Src: "v6.1.192", Live: Running,
		Doc:      "A userfaultfd is open for reading only: write(2) returns EBADF.",
		Scenario: "kernel/testdata/file-is-read-only.uffd",
		assign:   func(p *Profile) { p.UFFD.Create.ReadOnly = true },
	},
	{
		Name: "mremap-merges-grown", Release: "6.1", Commit: "ca3d76b0aa80", Src: "v6.1.192", Live: Running,
		Doc:      "A mapping that mremap grows in place merges with the next mapping.",
		Scenario: "conform/testdata/mremap-grows-to-next.uffd",
		assign:   func(p *Profile) { p.MM.Mremap.MergesGrown = true },
	},
	{
		Name: "nothing-mapped-einval", Release: "6.3", Commit: "11a9b90274f6", Src: "v6.4.6", Live: Running,
		Doc:      "Registering a range returns EINVAL, no longer ENOMEM, if nothing is mapped at or above it.",
		Scenario: "kernel/testdata/nothing-mapped-einval.uffd",
		assign:   func(p *Profile) { p.UFFD.Register.NothingMappedInvalid = true },
	},
	{
		Name: "register-merges-by-range", Release: "6.4", Commit: "5543d3c43c41", Src: "v6.4.6", Live: Running,
		Doc:      "A registration that begins inside a VMA merges with the next VMA.",
		Scenario: "kernel/testdata/register-merges-by-range.uffd",
		assign:   func(p *Profile) { p.UFFD.Register.OffsetOfRange = true },
	},
	{
		Name: "feature-wp-unpopulated", Release: "6.4", Src: "v6.4.6", Live: Running,
		Doc:      "UFFD_FEATURE_WP_UNPOPULATED.",
		Scenario: "conform/testdata/api-feature-wp-unpopulated.uffd",
		assign:   func(p *Profile) { p.UFFD.Features |= abi.FeatureWPUnpopulated },
	},
	{
		Name: "feature-poison", Release: "6.6", Src: "v6.8.1", Live: Running,
		Doc:      "UFFD_FEATURE_POISON and UFFDIO_POISON.",
		Scenario: "conform/testdata/api-feature-poison.uffd",
		assign: func(p *Profile) {
			p.UFFD.Features |= abi.FeaturePoison
			p.UFFD.RangeIoctls |= abi.MaskPoison
		},
	},
	{
		Name: "copy-checks-source", Release: "6.6", Src: "v6.8.1", Live: Running,
		Doc:      "UFFDIO_COPY returns EINVAL if the source is not user memory.",
		Scenario: "conform/testdata/copy-source-0xffffffff80000000.uffd",
		assign:   func(p *Profile) { p.UFFD.Copy.ChecksSource = true },
	},
	{
		Name: "feature-wp-async", Release: "6.7", Src: "v6.8.1", Live: Running,
		Doc:      "UFFD_FEATURE_WP_ASYNC.",
		Scenario: "conform/testdata/api-feature-wp-async.uffd",
		assign:   func(p *Profile) { p.UFFD.Features |= abi.FeatureWPAsync },
	},
	{
		Name: "mprotect-returns-charge", Release: "6.7", Commit: "9b9143298585", Src: "v6.8.1", Live: Running,
		Doc:      "mprotect that removes PROT_WRITE gives back the commit charge of memory that was never written.",
		Scenario: "kernel/testdata/mprotect-returns-charge.uffd",
		assign:   func(p *Profile) { p.MM.ReturnsCharge = true },
	},
	{
		Name: "feature-move", Release: "6.8", Src: "v6.8.1", Live: Running,
		Doc:      "UFFD_FEATURE_MOVE and UFFDIO_MOVE.",
		Scenario: "conform/testdata/api-feature-move.uffd",
		assign: func(p *Profile) {
			p.UFFD.Features |= abi.FeatureMove
			p.UFFD.RangeIoctls |= abi.MaskMove
		},
	},
	{
		Name: "fill-prepares-first", Release: "6.9", Src: "v6.12.117", Live: Running,
		Doc:      "A fill prepares the anon_vma before it checks the range, so a refused fill leaves one.",
		Scenario: "kernel/testdata/fill-prepares-first.uffd",
		assign:   func(p *Profile) { p.MM.Fill.PreparesFirst = true },
	},
	{
		Name: "populate-stops-at-hole", Release: "6.10", Commit: "fa9fcd8bb6e4", Live: Running,
		Doc:      "MADV_POPULATE_READ and MADV_POPULATE_WRITE stop at the first unmapped address.",
		Scenario: "conform/testdata/populate-read-hole.uffd",
		assign:   func(p *Profile) { p.MM.Populate = mm.PopulateStopsAtHole },
	},
	{
		Name: "released-retry", Release: "6.15", Backports: []string{"6.6.88", "6.12.117"}, Commit: "fe4cdc2c4e24", Src: "v6.17",
		Doc:     "A fault on a released context drops mmap_lock before its retry, so that release can take it.",
		Program: "released-gup",
		assign:  func(p *Profile) { p.UFFD.Released = uffd.ReleasedRetry },
	},
	{
		Name: "anon-vma-merges-either-way", Release: "6.16", Commit: "879bca0a2c4f", Src: "v6.17", Live: Running,
		Doc:      "A range and its neighbour merge if one of them has no anon_vma, whichever of the two it is.",
		Scenario: "conform/testdata/anon-vma-0.uffd",
		assign:   func(p *Profile) { p.MM.AnonVMAMerge = mm.AnonVMAEither },
	},
	{
		Name: "unregister-owner-only", Release: "6.17", Commit: "23ec90eb122f", Src: "v6.17", Live: Running,
		Doc:      "UFFDIO_UNREGISTER returns EINVAL for a range of another context.",
		Scenario: "kernel/testdata/unregister-owner-only.uffd",
		assign:   func(p *Profile) { p.UFFD.Unregister.OwnerOnly = true },
	},
	{
		Name: "mremap-checks-first", Release: "6.17", Src: "v6.17", Live: Running,
		Doc:      "mremap checks everything before it changes anything, and moves several mappings at once.",
		Scenario: "conform/testdata/mremap-several.uffd",
		assign:   func(p *Profile) { p.MM.Mremap.ChecksFirst = true },
	},

	{
		Name: "low-addresses", Release: "7.1", Backports: []string{"6.1.192", "6.12.86", "6.18.27"}, Src: "v6.18.44", Live: Running,
		Doc:      "Ranges may begin below mmap_min_addr. 6.18 has this only in its stable releases.",
		Scenario: "conform/testdata/range-null.uffd",
		assign:   func(p *Profile) { p.UFFD.LowAddress = true },
	},
}
