package properties

import (
	"testing"

	"github.com/uffdsim/uffdsim/conform"
	"github.com/uffdsim/uffdsim/scenario"
	"pgregory.net/rapid"
)

// model returns the model as an implementation.
func model(kernel string) Implementation {
	return Implementation{Kernel: kernel, Starves: true, New: func(seed uint64) (conform.Doer, error) {
		return conform.NewModel(scenario.Options{Kernel: kernel, Seed: seed, Check: true})
	}}
}

func TestPropertiesOfTheModel(t *testing.T) {
	for _, kernel := range []string{"2015", "2015+copy", "4.3", "4.11", "4.14", "5.7", "6.4", "6.17", "6.18"} {
		t.Run(kernel, func(t *testing.T) {
			t.Parallel()
			Check(t, model(kernel))
		})
	}
}

// The running kernel has the properties, too. They are checked in parallel, because most
// of the time is spent waiting for its answers.
func TestPropertiesOfThisKernel(t *testing.T) {
	t.Parallel()
	for _, p := range all {
		if p.Name == "MapLimitLeavesAPrefix" { // the limit applies to the whole machine
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			target, err := conform.OpenLive()
			if err != nil {
				t.Skipf("SKIPPED: the properties are not checked for a kernel: %v", err)
			}
			defer target.Close()
			i := &Implementation{Kernel: "6.18", New: func(uint64) (conform.Doer, error) { return target.New() }}
			rapid.Check(t, func(t *rapid.T) { p.Check(t, i) })
		})
	}
}
