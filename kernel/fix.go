package kernel

import "slices"

// Fix is a candidate for a change: no kernel has it. Immutable.
type Fix struct {
	// Name is unique.
	Name string
	// Doc describes, in a sentence, the behaviour with the fix.
	Doc string
	// Program names the program of package explore that can go wrong without the fix, and
	// not with it.
	Program string

	assign func(p *Profile)
}

var fixes = []Fix{
	{
		Name:    "must-wait-rereads",
		Doc:     "A fault that finds the entry none after it was queued reads it again under the page table's lock.",
		Program: "copy-on-write",
		assign:  func(p *Profile) { p.UFFD.MustWaitRereads = true },
	},
}

// Fixes returns all candidates. The slice is the caller's own.
func Fixes() []Fix { return slices.Clone(fixes) }

// FindFix returns the candidate with a name, nil if there is no such candidate.
func FindFix(name string) *Fix {
	for i := range fixes {
		if fixes[i].Name == name {
			return &fixes[i]
		}
	}
	return nil
}

// Apply applies the candidate to a profile.
func (f *Fix) Apply(p *Profile) { f.assign(p) }
