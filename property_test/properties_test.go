package property_test

import (
	"testing"

	"github.com/uffdsim/uffdsim/conform"
	"github.com/uffdsim/uffdsim/scenario"
)

// model is the model as an implementation.
func model(kernel string) Implementation {
	return Implementation{Kernel: kernel, Starves: true, New: func(seed uint64) (conform.Doer, error) {
		return conform.NewModel(scenario.Options{Kernel: kernel, Seed: seed, Check: true})
	}}
}

func TestPropertiesOfTheModel(t *testing.T) {
	for _, kernel := range []string{"2015", "2015+copy", "4.3", "4.14", "5.7", "6.4", "6.17", "6.18"} {
		t.Run(kernel, func(t *testing.T) {
			t.Parallel()
			Check(t, model(kernel))
		})
	}
}

// The running kernel has them, too.
func TestPropertiesOfThisKernel(t *testing.T) {
	t.Parallel()
	target, err := conform.OpenLive()
	if err != nil {
		t.Skipf("SKIPPED: nothing has been held against a kernel: %v", err)
	}
	defer target.Close()
	Check(t, Implementation{
		Kernel: "6.18",
		New:    func(uint64) (conform.Doer, error) { return target.New() },
		Skip:   []string{"MapLimitLeavesAPrefix"}, // the limit is the whole machine's
	})
}
