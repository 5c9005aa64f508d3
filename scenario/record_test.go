package scenario

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// A scenario can use every ioctl of package abi: each has a layout as large as its
// struct, a name in the masks of the answers, and its name in the help of the operation.
func TestEveryIoctlCanBeWritten(t *testing.T) {
	i := slices.IndexFunc(userfaultfdOperations, func(op Operation) bool { return op.Name == "ioctl" })
	doc := userfaultfdOperations[i].Doc
	require.Len(t, layouts, len(abi.Ioctls()))
	for _, ioctl := range abi.Ioctls() {
		short := strings.TrimPrefix(ioctl.Name, "UFFDIO_")
		l := layoutOf(ioctl.Cmd)
		require.NotNil(t, l, "%s has no row in layouts (scenario/record.go)", ioctl.Name)
		require.Equal(t, ioctl.Name, l.command)
		require.Len(t, l.fields, ioctl.Size/8, "%s: the fields of its layout (scenario/record.go)", ioctl.Name)
		require.Contains(t, ioctlMask.names, constant{short, ioctl.Mask}, "%s has no name in ioctlMask (scenario/record.go)", ioctl.Name)
		require.Contains(t, doc, "_"+short, "the text of ioctl (scenario/ops_userfaultfd.go) does not name %s", ioctl.Name)
	}
}
