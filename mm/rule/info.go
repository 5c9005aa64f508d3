package rule

import "fmt"

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

// symptoms are all of them.
var symptoms = map[Symptom]bool{
	LostWakeUp: true, UseAfterFree: true, SpuriousBus: true, DeadlockFound: true, Duplicate: true, Unkillable: true,
	QueueDamage: true, WrongData: true, LockMisuse: true, WrongState: true, WrongMM: true, Nothing: true,
}

// Info describes a rule.
type Info struct {
	Rule Rule
	// Name chooses the rule on a command line: "recheck-after-enqueue".
	Name string
	// Func is the kernel function that keeps the rule.
	Func string
	// Number is the rule's number in docs/rules.md.
	Number string
	// Does is what the kernel does, Instead what happens without the rule.
	Does, Instead string
	// Symptom is the consequence.
	Symptom Symptom
	// TSO: only store buffers show it.
	TSO bool
	// Since is the oldest version that shows it.
	Since string
	// Program is the explorer's program that shows it, Mutant its number in the list of
	// mutants ("" if none).
	Program, Mutant string
	// OnlyNew: the program goes wrong with the rule, too, and only runs that go right with
	// the rule count.
	OnlyNew bool
	// Hunks are the rule as a change to the source.
	Hunks []Hunk
}

// fields are the names of a rule's fields, and whether it must have them.
var fields = map[string]bool{
	"number": true, "function": true, "does": true, "instead": true, "symptom": true, "program": true,
	"mutant": false, "since": false, "tso": false, "only-new": false,
}

// Parse parses a list of rules. since is the version of those that name none. Errors name
// the list and the line.
func Parse(list, text, since string) ([]Info, error) {
	diffs, err := ParseDiffs(list, text)
	if err != nil {
		return nil, err
	}
	if len(diffs) > MaxRules {
		return nil, fmt.Errorf("%s: %d rules, and a set has room for %d", list, len(diffs), MaxRules)
	}
	names := map[string]bool{}
	infos := make([]Info, len(diffs))
	for i := range diffs {
		d := &diffs[i]
		if names[d.Name] {
			return nil, fmt.Errorf("%s:%d: a second rule %q", list, d.Line, d.Name)
		}
		names[d.Name] = true
		if infos[i], err = d.info(Rule(i), since); err != nil {
			return nil, fmt.Errorf("%s:%d: rule %q: %w", list, d.Line, d.Name, err)
		}
	}
	return infos, nil
}

func (d *Diff) info(r Rule, since string) (Info, error) {
	if d.Kind != "rule" || d.Name == "" {
		return Info{}, fmt.Errorf("want \"rule NAME\"")
	}
	for key := range d.Fields {
		if _, known := fields[key]; !known {
			return Info{}, fmt.Errorf("unknown field %q", key)
		}
	}
	for key, needed := range fields {
		if needed && d.Fields[key] == "" {
			return Info{}, fmt.Errorf("no field %q", key)
		}
	}
	f := d.Fields
	_, tso := f["tso"]
	_, onlyNew := f["only-new"]
	if f["since"] != "" {
		since = f["since"]
	}
	if !symptoms[Symptom(f["symptom"])] {
		return Info{}, fmt.Errorf("unknown symptom %q", f["symptom"])
	}
	return Info{
		Rule: r, Name: d.Name, Func: f["function"], Number: f["number"], Does: f["does"], Instead: f["instead"],
		Symptom: Symptom(f["symptom"]), TSO: tso, Since: since, Program: f["program"], Mutant: f["mutant"],
		OnlyNew: onlyNew, Hunks: d.Hunks,
	}, nil
}
