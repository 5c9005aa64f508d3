package docs_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// The gallery's diagram is the one that is drawn: the tests of trace/mermaid hold that file against the run.
func TestGalleryIsUpToDate(t *testing.T) {
	gallery, err := os.ReadFile("gallery.md")
	require.NoError(t, err)
	diagram, err := os.ReadFile("../trace/mermaid/testdata/02-two-faulters.mmd")
	require.NoError(t, err)
	require.Contains(t, string(gallery), "```mermaid\n"+string(diagram)+"```")
}
