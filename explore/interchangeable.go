package explore

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
)

// Member is one of several interchangeable tasks, with everything that belongs to it.
type Member struct {
	Task *Task
	// Owns are pointers to the words, locks and structures that belong to the task: in
	// the same order for each member, and each in a structure that [Label] has named.
	Owns []any
}

// Interchangeable declares that the tasks run the same program, each with what it owns,
// so that permuting them maps runs to runs. The search then explores one of all states
// that differ only by such a permutation, and sorts the outcomes of the members. Call it
// once for each group, after the tasks exist and before the run begins.
//
// A value that names a member must be stored so that the search can permute it: in a word
// by [sim.Word.StoreHandle], in what a lock guards by [sim.Summary.AddObject], both with
// the task ([Task.Sim]) or with something that it owns. Variables of [Run.At] and values
// of choices must not name one. A program that is not symmetric makes the search unsound.
// Search compares a few random runs with their permutations first, and fails if they
// differ.
func (r *Run) Interchangeable(members ...Member) {
	for _, m := range members {
		if len(m.Owns) != len(members[0].Owns) {
			panic(fmt.Sprintf("explore: %s owns %d things, and %s %d", members[0].Task.Name, len(members[0].Owns), m.Task.Name, len(m.Owns)))
		}
		for k, p := range m.Owns {
			if reflect.TypeOf(p) != reflect.TypeOf(members[0].Owns[k]) {
				panic(fmt.Sprintf("explore: %s owns a %T, and %s a %T", members[0].Task.Name, members[0].Owns[k], m.Task.Name, p))
			}
		}
	}
	r.groups = append(r.groups, members)
}

// symmetryGroup returns the permutations of the members of each group, as many as an
// executor supports: a group that would exceed them is left out. With store buffers there
// are none.
func (r *Run) symmetryGroup() (perms []sim.Permutation, taskPerms [][]int) {
	all := [][]int{make([]int, len(r.tasks))}
	for i := range all[0] {
		all[0][i] = i
	}
	for _, g := range r.groups {
		var longer [][]int
		for _, before := range all {
			for _, p := range permutations(len(g)) {
				to := slices.Clone(before)
				for i, j := range p {
					to[r.indexOf(g[i])] = r.indexOf(g[j])
				}
				longer = append(longer, to)
			}
		}
		if len(longer) <= sim.MaxPermutations {
			all = longer
		}
	}
	for _, to := range all {
		perms = append(perms, r.permutation(to))
	}
	return perms, all
}

func (r *Run) indexOf(m Member) int { return slices.Index(r.tasks, m.Task) }

// permutation returns the permutation of the run's objects that belongs to a permutation
// of the tasks.
func (r *Run) permutation(to []int) sim.Permutation {
	p := &objectPermuter{to: to, first: r.firstID, names: map[string]int{}, labels: map[labelKey]labelKey{}, parts: map[string][]part{}}
	for i, t := range r.tasks {
		p.names[t.Name] = i
	}
	for _, g := range r.groups {
		for _, m := range g {
			i := slices.IndexFunc(g, func(other Member) bool { return r.indexOf(other) == to[r.indexOf(m)] })
			for k, owned := range m.Owns {
				p.addOwned(r.place(owned), r.place(g[i].Owns[k]))
			}
		}
	}
	p.tasks = r.tasks
	return sim.Permutation{Task: p.task, Label: p.label, Offset: p.offset}
}

// place is where an owned object is: in the labelled structure, and how large it is.
type place struct {
	label labelKey
	part       // in the structure
	whole bool // it is the structure
}

type labelKey struct {
	name string
	n    uint64
}

// part is a part of a structure, in bytes.
type part struct {
	offset, size uintptr
	to           uintptr // the offset of its image
}

// place returns where an owned object is. It panics if the object has no label.
func (r *Run) place(owned any) place {
	v := reflect.ValueOf(owned)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		panic(fmt.Sprintf("explore: a task owns %T(%v), which is no pointer to a structure", owned, owned))
	}
	name, n, offset, labelled, ok := r.exec.LabelOf(v.UnsafePointer())
	if !ok {
		panic(fmt.Sprintf("explore: a task owns a %T without a label", owned))
	}
	size := v.Type().Elem().Size()
	return place{labelKey{name, n}, part{offset: offset, size: size}, offset == 0 && size == labelled}
}

// objectPermuter maps task i, and everything that belongs to it, to task to[i].
type objectPermuter struct {
	to     []int
	first  int // the ID of the first task
	tasks  []*Task
	names  map[string]int // index of each task
	labels map[labelKey]labelKey
	parts  map[string][]part // of structures with the name
}

// addOwned maps an owned object to another member's.
func (p *objectPermuter) addOwned(from, to place) {
	switch {
	case from.whole != to.whole:
		panic(fmt.Sprintf("explore: one task owns %s, and another a part of %s", from.label.name, to.label.name))
	case from.whole:
		p.labels[from.label] = to.label
	case from.label != to.label:
		panic(fmt.Sprintf("explore: tasks own parts of different structures, %s %d and %s %d", from.label.name, from.label.n, to.label.name, to.label.n))
	default:
		from.part.to = to.offset
		p.parts[from.label.name] = append(p.parts[from.label.name], from.part)
	}
}

func (p *objectPermuter) task(id int) int {
	if i := id - p.first; i >= 0 && i < len(p.to) {
		return p.first + p.to[i]
	}
	return id
}

// label maps the labels of tasks, of their siglocks, of owned structures, and of
// structures with a number from a task's own counter ([sim.Task.Unique]).
func (p *objectPermuter) label(name string, n uint64) (string, uint64) {
	if to, ok := p.labels[labelKey{name, n}]; ok {
		return to.name, to.n
	}
	if i, ok := p.names[name]; ok && n == uint64(p.first+i) {
		return p.tasks[p.to[i]].Name, uint64(p.first + p.to[i])
	}
	const siglock = "'s siglock"
	high, low := int(n>>32), n&(1<<32-1)
	if name, ok := strings.CutSuffix(name, siglock); ok {
		if i, ok := p.names[name]; ok {
			return p.tasks[p.to[i]].Name + siglock, uint64(p.task(high))<<32 | low
		}
	}
	if high == 0 {
		return name, n
	}
	return name, uint64(p.task(high))<<32 | low
}

func (p *objectPermuter) offset(name string, offset uintptr) uintptr {
	for _, part := range p.parts[name] {
		if offset >= part.offset && offset-part.offset < part.size {
			return part.to + offset - part.offset
		}
	}
	return offset
}

// sortMembers sorts the outcomes of the members of each group.
func (r *Run) sortMembers(outcomes []string) {
	for _, g := range r.groups {
		var of []string
		for _, m := range g {
			of = append(of, outcomes[r.indexOf(m)])
		}
		slices.Sort(of)
		for i, m := range g {
			outcomes[r.indexOf(m)] = of[i]
		}
	}
}
