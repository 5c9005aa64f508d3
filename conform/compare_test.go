package conform

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// models returns a pair of two models.
func models(kernel string) Pair {
	return func() (Doer, Doer, error) {
		ours, err := NewModel(scenario.Options{Kernel: kernel})
		if err != nil {
			return nil, nil, err
		}
		theirs, err := NewModel(scenario.Options{Kernel: kernel})
		return ours, theirs, err
	}
}

// A statement that both sides refuse only because the handshake is missing does not count
// as alike.
func TestRefusedBeforeTheHandshake(t *testing.T) {
	file, err := syntax.Parse("s", []byte(`fd = userfaultfd(O_NONBLOCK)
mmap(0x100000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=4p, mode=MISSING})
read(fd, 32)
poll(fd)
ioctl(fd, UFFDIO_API, {api=0xab})
ioctl(fd, UFFDIO_API, {api=0xaa})
ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=4p, mode=MISSING})
ioctl(fd, UFFDIO_WAKE, {start=0x100000, len=0})
read(fd, 32)
`))
	require.NoError(t, err)
	o, err := Run(models("6.18"), file)
	require.NoError(t, err)
	require.Equal(t, Outcome{Same: 7, Unready: 3}, o)
	o, err = Run(models("2015"), file) // its ioctls work before the handshake
	require.NoError(t, err)
	require.Equal(t, Outcome{Same: 8, Unready: 2}, o)
}

// An error names the scenario's file and lines.
func TestEndNamesThePlace(t *testing.T) {
	for text, want := range map[string]string{
		`# A comment.

fd = userfaultfd(0)
ioctl(fd, UFFDIO_API, {api=0xaa, features=0})

t1: read(fd, 32)
t1: read(fd, 32)
`: "s.uffd:7:1: t1 is still blocked in read(fd, 32) of line 6",
		"# A comment.\nclose(1, 2)\n": "s.uffd:2:10: too many arguments: it is close(fd)",
		"# A comment.\nmmap(0, 1p, PROT_READ, MAP_ANONYMOUS|1|MAP_HUGETLB, 8, 0)\n": "s.uffd:2: not modelled: MAP_HUGETLB (in Linux since 2.6.32)",
	} {
		file, err := syntax.Parse("s.uffd", []byte(text))
		require.NoError(t, err)
		o, err := Run(models("6.18"), file)
		require.NoError(t, err)
		require.EqualError(t, o.Ended, want)
	}
}

// The comparison ends at the first statement that is not modelled.
func TestNotModelledEndsTheComparison(t *testing.T) {
	file, err := syntax.Parse("s", []byte(`mmap(0, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)
mmap(0, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_POPULATE)
mmap(0, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)
`))
	require.NoError(t, err)
	o, err := Run(models("6.18"), file)
	require.NoError(t, err)
	require.Equal(t, 1, o.Same)
	require.Nil(t, o.Diverge)
	require.True(t, scenario.IsNotModelled(o.Ended))
}

// The comparison ends before a parallel block, whose results depend on the interleaving.
func TestRunEndsBeforeParallelBlock(t *testing.T) {
	file, err := syntax.Parse("x", []byte("close(9)\nparallel {\n    t1: close(9)\n}\nexists (t1 = EBADF)\n"))
	require.NoError(t, err)
	o, err := Run(models("6.18"), file)
	require.NoError(t, err)
	require.Equal(t, 1, o.Same)
	require.ErrorIs(t, o.Ended, scenario.ErrModelOnly)
	require.EqualError(t, o.Ended, "x:2:1: parallel: only the model can do this")
}
