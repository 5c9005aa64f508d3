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
