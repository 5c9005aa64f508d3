package mm

// Rule is a rule of the protocol that can be dropped, at the one place where the code
// asks whether it is obeyed, in order to see what goes wrong without it. Those of this
// package are below; package uffd goes on counting where they end, so that a set may have
// both in it.
type Rule uint8

// The rules that are kept in this package.
const (
	ForkDropsContext Rule = iota
	CheckAgainAfterFault
	NeverOverwrite

	NumRules
)

// Symptom is what goes wrong without a rule.
type Symptom string

// The symptoms.
const (
	LostWakeUp    Symptom = "lost wake-up"
	UseAfterFree  Symptom = "use after free"
	SpuriousBus   Symptom = "spurious SIGBUS"
	DeadlockFound Symptom = "deadlock"
	Duplicate     Symptom = "duplicate message"
	Unkillable    Symptom = "unkillable task"
	QueueDamage   Symptom = "damaged queue"
	WrongData     Symptom = "wrong data"
	LockMisuse    Symptom = "lock misuse"
	WrongState    Symptom = "wrong state"
	WrongMM       Symptom = "wrong mm"
	Nothing       Symptom = "nothing"
)

// RuleInfo describes a rule.
type RuleInfo struct {
	Rule Rule
	// Name is how the rule is chosen on a command line.
	Name string
	// Func is the kernel function that it is kept in.
	Func string
	// Number is the rule's number in docs/rules.md.
	Number string
	// Does is what the kernel does, Instead what happens when it is dropped.
	Does, Instead string
	// Symptom is what comes of it.
	Symptom Symptom
	// TSO says that it takes store buffers to see.
	TSO bool
	// Since is the oldest version that shows it: 2015 cannot resolve a fault.
	Since string
}

// Rules is the table of this package's rules, in the order of their values.
var Rules = [NumRules]RuleInfo{
	{ForkDropsContext, "fork-drops-context", "dup_mmap", "REF-4",
		"leaves the context out of the child's VMAs", "copies it", WrongMM, false, "2015+copy"},
	{CheckAgainAfterFault, "check-again-after-fault", "mcopy_atomic", "COPY-3",
		"looks the target up anew when it had to let go of mmap_lock for the source", "goes on where it was", WrongData, false, "2015+copy"},
	{NeverOverwrite, "never-overwrite", "mcopy_atomic", "COPY-4",
		"refuses a page that is there", "puts its own in its place", WrongData, false, "2015+copy"},
}

// RuleSet is a set of rules.
type RuleSet uint64

// With is the set with the rules in it.
func (s RuleSet) With(rules ...Rule) RuleSet {
	for _, r := range rules {
		s |= 1 << r
	}
	return s
}

// Has reports whether the rule is in the set.
func (s RuleSet) Has(r Rule) bool { return s&(1<<r) != 0 }

// obeys reports whether the rule is kept. All are, unless the address space was told to do
// without.
func (mm *MM) obeys(r Rule) bool { return !mm.Dropped.Has(r) }
