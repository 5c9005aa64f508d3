package litmus_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/litmus"
	"github.com/uffdsim/uffdsim/uffd"
)

// A scenario in programs/ has the outcomes of the program with its name in package
// explore, and a condition fails if the program goes wrong: on several kernels, and
// without each rule that names the program.
func TestProgramsAreThoseOfExplore(t *testing.T) {
	files, err := filepath.Glob("programs/*.uffd")
	require.NoError(t, err)
	require.Len(t, files, 23)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".uffd")
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		setup := explore.FindSetup(name)
		require.NotNil(t, setup, name)
		variants := map[string]explore.Options{"6.18": {Version: "6.18"}}
		if !testing.Short() {
			variants["2015+copy"] = explore.Options{Version: "2015+copy"}
			variants["4.14"] = explore.Options{Version: "4.14"}
		}
		for _, info := range uffd.Rules() {
			if info.Program == name {
				variants["without "+info.Name] = explore.Without(rule(t, info.Name))
			}
		}
		for variant, opts := range variants {
			t.Run(name+" "+variant, func(t *testing.T) {
				t.Parallel()
				compare(t, setup, newTest(t, file, string(src), opts), opts)
			})
		}
	}
}

// compare compares a program with the scenario. A condition is the same for all versions:
// it fails on those that permit SIGBUS, even though the program does not go wrong.
func compare(t *testing.T, setup *explore.Setup, test *litmus.Test, opts explore.Options) {
	want, err := explore.Search(setup, opts)
	require.NoError(t, err)
	got, err := test.Search()
	require.NoError(t, err)
	if want.Failure != nil {
		require.False(t, got.OK(), "the program goes wrong: %v", want.Failure.Err)
		return
	}
	require.True(t, want.Covered)
	require.True(t, got.Covered)
	require.Nil(t, got.Failure)
	texts, permitted := map[string]bool{}, false
	for text := range want.Outcomes {
		texts[text] = true
		permitted = permitted || strings.Contains(text, "SIGBUS")
	}
	same := map[string]bool{}
	for _, o := range got.Outcomes {
		same[inWordsOfExplore(o.String(), setup.Symmetry != explore.Distinct)] = true
	}
	require.Equal(t, texts, same)
	require.Equal(t, !permitted, got.OK())
}

// inWordsOfExplore returns the outcome of a scenario as the program's functions return
// it. If the faulters are interchangeable, it sorts their results.
func inWordsOfExplore(outcome string, interchangeable bool) string {
	var tasks, faulters, wakes []string
	for part := range strings.SplitSeq(outcome, ` /\ `) {
		task, result, _ := strings.Cut(part, " = ")
		word := wordOfExplore(result)
		switch {
		case strings.HasPrefix(task, "waker:"): // of odd-ranges
			wakes = append(wakes, word)
		case word == "" || word == "ok" || strings.HasPrefix(result, "-1 "): // the program ignores it
		case interchangeable && len(task) == 2 && task[0] == 't':
			faulters = append(faulters, word)
		default:
			tasks = append(tasks, task+"="+word)
		}
	}
	slices.Sort(faulters)
	for i, word := range faulters {
		faulters[i] = "t" + string(rune('1'+i)) + "=" + word
	}
	if wakes != nil {
		tasks = append(tasks, "waker="+strings.Join(wakes, ","))
	}
	return strings.Join(append(faulters, tasks...), " ")
}

// wordOfExplore returns a result as the functions of the programs return it, "" if they
// ignore it.
func wordOfExplore(result string) string {
	word, rest, _ := strings.Cut(result, " ")
	switch {
	case result == `loaded '\0'`:
		return "zero"
	case word == "loaded":
		return strings.Trim(rest, "'")
	case word == "blocked":
		return "asleep"
	case word == "killed", strings.HasPrefix(word, "SIG"):
		return word
	case word == "0":
		return "ok"
	case word == "-1":
		return strings.Fields(rest)[0]
	}
	return ""
}
