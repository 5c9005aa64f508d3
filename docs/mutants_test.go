package docs_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

var update = flag.Bool("update", false, "write the table of mutants in exploration.md anew")

// The table of docs/exploration.md has each rule that can be dropped, with the shortest
// run that goes wrong without it.
func TestTableOfMutants(t *testing.T) {
	const file, head = "exploration.md", "| mutant | rule | without it | program | tasks | preempted | switched |\n|---|---|---|---|---|---|---|\n"
	rules := slices.Clone(uffd.Rules())
	slices.SortStableFunc(rules, func(a, b rule.Info) int { return cmp.Compare(place(a), place(b)) })
	table := head
	for _, info := range rules {
		table += mutantRow(t, info)
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), head)
	require.True(t, ok, "the table is gone")
	have, after, _ := strings.Cut(rest, "\n\n")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(before+table+"\n"+after), 0o666))
		return
	}
	same(t, table, head+have+"\n", "go test ./docs -run Mutants -update")
}

// same requires that a generated table is the one in the document. It names the first
// line that differs, and the command that updates the table.
func same(t *testing.T, want, have, command string) {
	t.Helper()
	if diff := firstDifference(want, have); diff != "" {
		t.Fatalf("run %s: the table in the document is not the generated one.\n%s", command, diff)
	}
}

// firstDifference returns the first line in which two tables differ, "" if none.
func firstDifference(want, have string) string {
	wants, haves := strings.Split(strings.TrimSuffix(want, "\n"), "\n"), strings.Split(strings.TrimSuffix(have, "\n"), "\n")
	for i := range max(len(wants), len(haves)) {
		line := func(lines []string) string {
			if i < len(lines) {
				return lines[i]
			}
			return "(no line)"
		}
		if line(wants) != line(haves) {
			return fmt.Sprintf("line %d\n  want %s\n  have %s", i+1, line(wants), line(haves))
		}
	}
	return ""
}

func TestFirstDifference(t *testing.T) {
	require.Empty(t, firstDifference("a\nb\n", "a\nb\n"))
	require.Equal(t, "line 2\n  want b\n  have c", firstDifference("a\nb\n", "a\nc\nd\n"))
	require.Equal(t, "line 2\n  want b\n  have (no line)", firstDifference("a\nb", "a"))
}

// place returns the position of a rule in the table: by number, rules that prevent
// nothing behind the others, and rules without a number last.
func place(info rule.Info) int {
	var n int
	switch number := explore.MutantOf(info.Rule); {
	case number == "":
		return 2000
	case strings.HasPrefix(number, "E"):
		fmt.Sscanf(number, "E%d", &n)
		return 1000 + n
	default:
		fmt.Sscanf(number, "%d", &n)
		return n
	}
}

func mutantRow(t *testing.T, info rule.Info) string {
	setup := explore.SetupFor(info.Rule)
	program := setup.Name
	if info.TSO {
		program += " --tso"
	}
	if version := explore.With(info.Rule).Version; version != explore.DefaultVersion {
		program += " --kernel " + version
	}
	number := cmp.Or(explore.MutantOf(info.Rule), "–")
	if info.Symptom == rule.Nothing {
		return fmt.Sprintf("| %s | %s | nothing | %s | | | |\n", number, info.Name, program)
	}
	r, err := explore.Exhibit(info.Rule, explore.Without(info.Rule))
	require.NoError(t, err)
	require.NotNil(t, r.Failure, info.Name)
	require.True(t, r.Covered, "%s: the shortest run", info.Name)
	bound := r.Failure.Bound
	return fmt.Sprintf("| %s | %s | %s | %s | %d | %d | %d |\n",
		number, info.Name, info.Symptom, program, len(tasks(r.Failure.Schedule)), bound.Preemptions, bound.Switches)
}

// tasks returns the tasks of a schedule. A store buffer counts as its task.
func tasks(s explore.Schedule) map[string]bool {
	names := map[string]bool{}
	for _, name := range s {
		names[strings.TrimSuffix(name, ".buffer")] = true
	}
	return names
}
