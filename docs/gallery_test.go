package docs_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func gallery(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("gallery.md")
	require.NoError(t, err)
	return string(text)
}

// The gallery shows the diagram of testdata, which the tests of trace/mermaid compare
// with the run.
func TestGalleryIsUpToDate(t *testing.T) {
	diagram, err := os.ReadFile("../trace/mermaid/testdata/02-two-faulters.mmd")
	require.NoError(t, err)
	require.Contains(t, gallery(t), "```mermaid\n"+string(diagram)+"```")
}

// A graph of the gallery has the texts that the command above it draws. Graphviz chooses
// the positions.
func TestGalleryGraphs(t *testing.T) {
	if _, err := exec.LookPath("dot"); err != nil {
		t.Skip("SKIPPED: no Graphviz, which draws the graphs of the gallery (.ci/tools installs it)")
	}
	commands := regexp.MustCompile(`(?m)^    uffdsim (.* --format dot.*) \| dot -Tsvg > docs/(\S+)$`).FindAllStringSubmatch(gallery(t), -1)
	require.Len(t, commands, strings.Count(gallery(t), ".svg)"), "each graph has its command")
	for _, c := range commands {
		graph := exec.Command("go", append([]string{"run", "../cmd/uffdsim"}, strings.Fields(c[1])...)...)
		text, err := graph.Output()
		if e, bad := errors.AsType[*exec.ExitError](err); bad {
			require.Equal(t, 1, e.ExitCode(), "%s", e.Stderr) // a bug was found
		}
		draw := exec.Command("dot", "-Tsvg")
		draw.Stdin = bytes.NewReader(text)
		now, err := draw.Output()
		require.NoError(t, err)
		kept, err := os.ReadFile(c[2])
		require.NoError(t, err)
		require.Equal(t, words(t, now), words(t, kept), "draw %s again", c[2])
	}
}

// words returns the texts of a drawing, in their order.
func words(t *testing.T, svg []byte) (texts []string) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return texts
		}
		require.NoError(t, err)
		if text, ok := token.(xml.CharData); ok && len(bytes.TrimSpace(text)) > 0 {
			texts = append(texts, string(text))
		}
	}
}

// The pictures are as wide as a projector's screen, and small, because every clone has
// them.
func TestGalleryPictures(t *testing.T) {
	pictures := regexp.MustCompile(`\((gallery/\S+\.png)\)`).FindAllStringSubmatch(gallery(t), -1)
	require.Len(t, pictures, 3)
	for _, p := range pictures {
		text, err := os.ReadFile(p[1])
		require.NoError(t, err)
		require.Less(t, len(text), 150_000, p[1])
		size, err := png.DecodeConfig(bytes.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, 1280, size.Width, p[1])
	}
}
