package conform

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// unseen are facts of 6.18 that no answer here depends on, with the reason.
var unseen = map[string]string{
	"YieldsToSignals":      "a fault that any signal ends comes to the same: the access is made again",
	"ReleasedIsNoPage":     "it takes a fault in the middle of a close",
	"FlagsFirst":           "it takes a descriptor table that is full",
	"RefileSeq":            "it takes a race of two instructions: package explore shows what it is for",
	"PutsMM":               "it takes a failing allocation",
	"Era.MoveNeedsMapping": "6.17 asks for more: Era.MoveChecksFirst",
	"Era.MoveCountsFirst":  "it takes as many mappings as there may be, and 6.17 asks for more",
	"ReleasedRetries":      "it takes a fault in the middle of a close: package explore shows it",
	"WaitsToBeWoken":       "it takes a wake-up that is late: package explore shows what it is for",
	"LeavesSignals":        "it takes a signal between a fault's way into the queue and its sleep",
}

// Each fact of the newest version is needed: with any one of them turned round, the suite or made-up
// scenarios soon find an answer that the running kernel does not give.
func TestEveryFactIsSeen(t *testing.T) {
	target := thisKernel(t)
	newest := abi.Versions()[len(abi.Versions())-1]
	mutants := 0
	for _, mutate := range facts(&newest) {
		if unseen[mutate.name] != "" {
			continue
		}
		mutants++
		t.Run(mutate.name, func(t *testing.T) {
			version := newest
			mutate.apply(&version)
			pair := Against(target, scenario.Options{Version: &version})
			if suiteDiverges(t, pair) {
				t.Log("found by the suite")
				return
			}
			end := time.Now().Add(60 * time.Second)
			for seed := uint64(1); time.Now().Before(end); seed++ {
				_, found, err := FuzzOne(pair, seed)
				require.NoError(t, err)
				if found != nil {
					t.Logf("found in scenario %d", seed)
					return
				}
			}
			t.Errorf("nothing is answered differently without %s", mutate.name)
		})
	}
	require.GreaterOrEqual(t, mutants, 15)
}

// suiteDiverges reports whether a scenario of testdata is answered differently.
func suiteDiverges(t *testing.T, pair Pair) bool {
	files, err := filepath.Glob("testdata/*.uffd")
	require.NoError(t, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		file, err := syntax.Parse(name, text)
		require.NoError(t, err)
		o, err := Run(pair, file)
		require.NoError(t, err)
		if o.Diverge != nil {
			return true
		}
	}
	return false
}

// mutation changes one thing about a version.
type mutation struct {
	name  string
	apply func(v *abi.Version)
}

// facts are the mutations of everything that a version says with yes or no, and of what it
// answers with.
func facts(v *abi.Version) []mutation {
	all := []mutation{
		{"Features", func(v *abi.Version) { v.Features >>= 1 }},
		{"RangeIoctls", func(v *abi.Version) { v.RangeIoctls &^= abi.MaskMove }},
		{"APIIoctls", func(v *abi.Version) { v.APIIoctls &^= abi.MaskUnregister }},
		{"NoMemory", func(v *abi.Version) { v.NoMemory = errno.ENOSPC }},
		{"Flags", func(v *abi.Version) { v.Flags &^= abi.UserModeOnly }},
	}
	add := func(prefix string, typ reflect.Type, at func(v *abi.Version) reflect.Value) {
		for i := range typ.NumField() {
			if typ.Field(i).Type.Kind() == reflect.Bool {
				all = append(all, mutation{prefix + typ.Field(i).Name, func(v *abi.Version) {
					f := at(v).Field(i)
					f.SetBool(!f.Bool())
				}})
			}
		}
	}
	add("", reflect.TypeOf(*v), func(v *abi.Version) reflect.Value { return reflect.ValueOf(v).Elem() })
	add("Era.", reflect.TypeOf(v.Era), func(v *abi.Version) reflect.Value { return reflect.ValueOf(&v.Era).Elem() })
	return all
}
