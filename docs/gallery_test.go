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

// The gallery's diagram is the one that is drawn: the tests of trace/mermaid hold that file against the run.
func TestGalleryIsUpToDate(t *testing.T) {
	diagram, err := os.ReadFile("../trace/mermaid/testdata/02-two-faulters.mmd")
	require.NoError(t, err)
	require.Contains(t, gallery(t), "```mermaid\n"+string(diagram)+"```")
}

// A graph of the gallery says what the command above it draws now. Where things lie in it is Graphviz's.
func TestGalleryGraphs(t *testing.T) {
	if _, err := exec.LookPath("dot"); err != nil {
		t.Skip("SKIPPED: the graphs of the gallery have not been drawn: there is no Graphviz (.ci/tools installs it)")
	}
	commands := regexp.MustCompile(`(?m)^    uffdsim (.* --format dot.*) \| dot -Tsvg > docs/(\S+)$`).FindAllStringSubmatch(gallery(t), -1)
	require.Len(t, commands, strings.Count(gallery(t), ".svg)"), "each graph has its command")
	for _, c := range commands {
		graph := exec.Command("go", append([]string{"run", "../cmd/uffdsim"}, strings.Fields(c[1])...)...)
		text, err := graph.Output()
		if e, bad := errors.AsType[*exec.ExitError](err); bad {
			require.Equal(t, 1, e.ExitCode(), "%s", e.Stderr) // a bug that has been found
		}
		draw := exec.Command("dot", "-Tsvg")
		draw.Stdin = bytes.NewReader(text)
		now, err := draw.Output()
		require.NoError(t, err)
		kept, err := os.ReadFile(c[2])
		require.NoError(t, err)
		require.Equal(t, words(t, now), words(t, kept), "%s is to be drawn again", c[2])
	}
}

// words are the texts of a drawing, in their order.
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

// The pictures are as large as a projector's screen is wide, and no burden on who only wants the program.
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
