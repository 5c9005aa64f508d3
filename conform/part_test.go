package conform

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// failing is a target that answers a number of statements as the model does, and then
// fails.
type failing struct {
	Doer
	answers int
	err     error
}

func (f *failing) Do(line string) (*scenario.Result, error) {
	if f.answers--; f.answers < 0 {
		return nil, f.err
	}
	return f.Doer.Do(line)
}

func failingPair(answers int, failure error) Pair {
	return func() (Doer, Doer, error) {
		ours, err := NewModel(scenario.Options{Kernel: "6.18"})
		if err != nil {
			return nil, nil, err
		}
		theirs, err := NewModel(scenario.Options{Kernel: "6.18"})
		return ours, &failing{theirs, answers, failure}, err
	}
}

// A failure that the host causes is not a divergence: the scenario was compared in part.
func TestPart(t *testing.T) {
	file, err := syntax.Parse("test.uffd", []byte("fd = userfaultfd(O_NONBLOCK)\nfcntl(fd, F_GETFL)\npoll(fd)\n"))
	require.NoError(t, err)
	for _, cause := range []error{scenario.ErrNoRoom, scenario.ErrInterference} {
		failure := fmt.Errorf("line 3: %w: a reason", cause)
		o, err := Run(failingPair(2, failure), file)
		require.NoError(t, err)
		require.Nil(t, o.Diverge)
		require.Equal(t, failure, o.Ended)
		require.Equal(t, 2, o.Same)
		effort, found, err := FuzzOne(failingPair(20, failure), 1)
		require.NoError(t, err)
		require.Nil(t, found)
		require.Equal(t, failure, effort.Ended)
		require.Equal(t, 21, effort.Operations)
		require.Equal(t, 20, effort.Same+effort.Unready)
	}
}

// The running kernel ends a scenario in part where the host, and not the kernel, decides.
func TestPartOnThisKernel(t *testing.T) {
	pair := Against(thisKernel(t), scenario.Options{Kernel: "6.18"})
	for _, line := range []string{
		"mmap(0, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)",
		"munmap(0, 0x7ffffffff000)",
	} {
		file, err := syntax.Parse("test.uffd", []byte("fd = userfaultfd(O_NONBLOCK)\n"+line+"\n"))
		require.NoError(t, err)
		o, err := Run(pair, file)
		require.NoError(t, err)
		require.Nil(t, o.Diverge, line)
		require.ErrorIs(t, o.Ended, scenario.ErrNoRoom, line)
		require.Equal(t, 1, o.Same)
	}
}

// A host that is disturbed before the first statement ends one scenario, and not the
// comparison of all others.
func TestInterferenceBeforeTheScenario(t *testing.T) {
	file, err := syntax.Parse("s", []byte("maps()\n"))
	require.NoError(t, err)
	disturbed := func() (Doer, Doer, error) {
		return nil, nil, fmt.Errorf("munmap: %w", scenario.ErrInterference)
	}
	o, err := Run(disturbed, file)
	require.NoError(t, err)
	require.ErrorIs(t, o.Ended, scenario.ErrInterference)
	require.Zero(t, o.Same)
}
