package properties

import (
	"slices"
	"testing"

	"github.com/uffdsim/uffdsim/conform"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"pgregory.net/rapid"
)

// Implementation is an implementation of userfaultfd for which properties are checked.
type Implementation struct {
	// Kernel is the version whose answers the implementation gives.
	Kernel string
	// New returns a fresh machine. If the machine can choose interleavings, seed
	// determines the choice.
	New func(seed uint64) (conform.Doer, error)
	// Starves says that it supports fail_nth, which makes allocations fail.
	Starves bool
	// Skip names properties that cannot be checked for it.
	Skip []string
}

// profile returns the profile of the implementation's version.
func (i *Implementation) profile(t *rapid.T) kernel.Profile {
	v, ok := kernel.Lookup(i.Kernel)
	if !ok {
		t.Fatalf("no kernel %q", i.Kernel)
	}
	return v
}

// Property is a statement that is always true.
type Property struct {
	// Name is one word, Says the statement.
	Name, Says string
	// Check tries to break the property once.
	Check func(t *rapid.T, i *Implementation)
	// holds reports whether a version promises the property; nil means every version.
	holds func(v *kernel.Profile) bool
}

// Properties returns all properties that use operations alone. The slice is the caller's
// own.
func Properties() []Property { return slices.Clone(all) }

var all = []Property{
	{
		Name: "MemoryIsPages",
		Says: "After any operations on memory and registrations, each page is mapped, " +
			"protected, registered, present and filled as an oracle says that knows pages " +
			"and no VMAs. An access blocks exactly if its page is registered and missing; " +
			"otherwise it loads the byte that was copied or stored last.",
		Check: memoryIsPages,
		holds: func(v *kernel.Profile) bool { return v.UFFD.Offers(abi.MaskCopy) },
	},
	{
		Name: "FaultsWaitInOrder",
		Says: "Faults wait in the order in which they came. A read returns the oldest unread " +
			"one, and each only once. A wake-up wakes exactly the tasks in its range, " +
			"whether their message was read or not. A woken task finds its page, or, if the " +
			"page is missing, gets SIGBUS before 5.7 and waits again since. A killed task " +
			"leaves the queue. fdinfo counts the faults.",
		Check: faultsWaitInOrder,
		holds: func(v *kernel.Profile) bool { return v.UFFD.Offers(abi.MaskCopy) },
	},
	{
		Name: "ArgumentsAreChecked",
		Says: "An ioctl with a wrong argument returns the one errno that the order of the " +
			"checks determines, and changes nothing. An ioctl whose result cannot be stored " +
			"returns EFAULT, and has done everything.",
		Check: argumentsAreChecked,
		holds: func(v *kernel.Profile) bool { return v.UFFD.Offers(abi.MaskCopy) },
	},
	{
		Name: "NeighboursDiffer",
		Says: "Memory that was never written merges whenever it can: two adjacent mappings " +
			"differ in their rights or in the context that gets their faults.",
		Check: neighboursDiffer,
		holds: func(v *kernel.Profile) bool { return v.MM.ReturnsCharge && v.UFFD.Register.OffsetOfRange },
	},
	{
		Name: "WrittenNeighboursStayApart",
		Says: "When a registration ends, its memory merges with each neighbour, unless both " +
			"were written while they differed, or, before 6.16, only that memory was. If " +
			"its neighbours cannot merge with each other, it merges with the lower one.",
		Check: writtenNeighboursStayApart,
		holds: func(v *kernel.Profile) bool { return v.UFFD.Offers(abi.MaskCopy) && v.UFFD.Register.OffsetOfRange },
	},
	{
		Name: "UnregisterUndoesRegister",
		Says: "Unregistering leaves the mappings as they were before the registration. A " +
			"second unregister changes nothing.",
		Check: unregisterUndoesRegister,
	},
	{
		Name:  "FailedCallsChangeNothing",
		Says:  "A refused register or unregister changes no mapping.",
		Check: failedCallsChangeNothing,
	},
	{
		Name: "MapLimitLeavesAPrefix",
		Says: "If one VMA is too many for the limit, register or unregister covers the first " +
			"part of its range and nothing else.",
		Check: mapLimitLeavesAPrefix,
	},
	{
		Name: "ContextsLastAsLongAsDescriptors",
		Says: "A registration, and the sleep of the tasks that fault in it, lasts until the " +
			"last descriptor of the context is closed, in whatever process. Before 4.7 the " +
			"context holds the memory until then.",
		Check: contextsLastAsLongAsDescriptors,
	},
	{
		Name: "HandshakeComesFirst",
		Says: "Before a handshake whose answer could be stored, read is EINVAL, poll is " +
			"POLLERR and, since 4.3, every other ioctl is EINVAL. Only one handshake " +
			"succeeds. An unknown version or feature is EINVAL, and another try may follow.",
		Check: handshakeComesFirst,
	},
}

// Check checks all properties that the implementation's version promises.
func Check(t *testing.T, i Implementation) {
	for _, p := range all {
		if v, ok := kernel.Lookup(i.Kernel); ok && p.holds != nil && !p.holds(&v) || slices.Contains(i.Skip, p.Name) {
			continue
		}
		t.Run(p.Name, rapid.MakeCheck(func(t *rapid.T) { p.Check(t, &i) }))
	}
}
