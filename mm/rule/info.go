package rule

import (
	"fmt"
	"slices"
	"strings"
)

// Symptom is the kind of failure that a run without a rule shows.
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

// symptoms are the valid symptoms.
var symptoms = []Symptom{
	LostWakeUp, UseAfterFree, SpuriousBus, DeadlockFound, Duplicate, Unkillable,
	QueueDamage, WrongData, LockMisuse, WrongState, WrongMM, Nothing,
}

// checkSymptom returns an error that lists the symptoms if s is none of them.
func checkSymptom(s Symptom) error {
	if slices.Contains(symptoms, s) {
		return nil
	}
	var names []string
	for _, known := range symptoms {
		names = append(names, fmt.Sprintf("%q", known))
	}
	return fmt.Errorf("unknown symptom %q: the symptoms are %s", s, strings.Join(names, ", "))
}

// Info describes a rule.
type Info struct {
	Rule Rule
	// Name identifies the rule on the command line: "recheck-after-enqueue".
	Name string
	// Func is the kernel function that follows the rule.
	Func string
	// Number is the rule's number in docs/rules.md.
	Number string
	// Does says what the kernel does, Instead what the code does without the rule.
	Does, Instead string
	// Symptom is the failure that the code without the rule shows.
	Symptom Symptom
	// TSO: the failure needs store buffers (total store order).
	TSO bool
	// Since is the oldest kernel version in which the failure can happen.
	Since string
	// Until is the name of the change in package kernel since which the program has the
	// same outcomes without the rule, "" if none.
	Until string
	// Remains says what the rule still does since then. It continues "since then".
	Remains string
	// Program is the explorer's program in which the failure can happen.
	Program string
	// Mutant is the number of the mutant that removes the rule, "" if none.
	Mutant string
	// OnlyNew: the program can fail with the rule, too. Only a failure that needs the
	// rule to be dropped is a failure of the rule.
	OnlyNew bool
	// Hunks are the change to the source that removes the rule.
	Hunks []Hunk
}

// fields maps each field that a rule may have to whether it is required.
var fields = map[string]bool{
	"number": true, "function": true, "does": true, "instead": true, "symptom": true, "program": true,
	"mutant": false, "since": false, "until": false, "remains": false, "tso": false, "only-new": false,
}

// Parse parses a list of rules. since is the Since of a rule without that field. list is
// the name of the list: errors begin with it and the line number.
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
		for j := range d.Hunks {
			if h := &d.Hunks[j]; h.Func == "" {
				return nil, fmt.Errorf("%s:%d: rule %q: the @@ line needs a function: @@ FILE FUNCTION", list, h.Line, d.Name)
			}
		}
	}
	return infos, nil
}

// info returns the rule that the diff describes, or an error if a field is missing,
// unknown or invalid.
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
	if (f["until"] == "") != (f["remains"] == "") {
		return Info{}, fmt.Errorf("\"until\" and \"remains\" belong together")
	}
	if err := checkSymptom(Symptom(f["symptom"])); err != nil {
		return Info{}, err
	}
	return Info{
		Rule: r, Name: d.Name, Func: f["function"], Number: f["number"], Does: f["does"], Instead: f["instead"],
		Symptom: Symptom(f["symptom"]), TSO: tso, Since: since, Until: f["until"], Remains: f["remains"], Program: f["program"], Mutant: f["mutant"],
		OnlyNew: onlyNew, Hunks: d.Hunks,
	}, nil
}
