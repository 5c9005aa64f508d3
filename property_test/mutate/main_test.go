package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutants.diff has every numbered mutant that is no droppable rule: those that a single
// task can see, and those that damage mappings. Number 45 changes nothing visible.
func TestListIsWhole(t *testing.T) {
	t.Chdir("../..")
	mutants, err := kernelList.read()
	require.NoError(t, err)
	has, others := map[string]bool{}, 0
	for _, m := range mutants {
		has[m.Fields["number"]] = true
		if m.Fields["number"] == "" {
			others++
		}
	}
	for _, number := range []string{
		"30", "32", "33", "35", "39", "42", "43", "44", "46", "47", "48", "49", "50",
		"51", "52", "53", "54", "55", "56", "57", "60", "61", "64",
	} {
		require.True(t, has[number], "number %s", number)
	}
	require.GreaterOrEqual(t, others, 60)
}

// Every mutant of the explorer applies, changes something, compiles, and has a name of
// its own. One that is equivalent says why.
func TestExplorerMutantsCompile(t *testing.T) {
	t.Chdir("../..")
	mutants, err := explorerList.read()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(mutants), 100)
	var c *checker
	if testing.Short() {
		t.Log("SKIPPED by -short: whether the mutants compile")
	} else {
		c = newChecker(t)
	}
	names := map[string]bool{}
	for _, m := range mutants {
		require.False(t, names[m.Name], "a second mutant %s", m.Name)
		names[m.Name] = true
		why, equivalent := m.Fields["equivalent"]
		require.True(t, !equivalent || len(why) > 20, "%s: say why it is equivalent", m.Name)
		for file := range m.changed {
			old, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NotEqual(t, string(old), m.changed[file], m.Name)
		}
		if c != nil {
			require.NoError(t, c.check(m.changed), "%s does not compile", m.Name)
		}
	}
}

// checker checks the types of single packages. The packages that they import are read
// from the export data of the last build.
type checker struct {
	t        *testing.T
	fset     *token.FileSet
	importer types.Importer
	files    map[string][]string // of each package, by its directory
	parsed   map[string]*ast.File
}

func newChecker(t *testing.T) *checker {
	c := &checker{t: t, fset: token.NewFileSet(), files: map[string][]string{}, parsed: map[string]*ast.File{}}
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export", "./explore").Output()
	require.NoError(t, err)
	exports := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir, Export string
			GoFiles                 []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		exports[p.ImportPath] = p.Export
		c.files[p.Dir] = p.GoFiles
	}
	c.importer = importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	return c
}

// check checks the packages of the changed files. Their callers are not checked: no
// mutant changes a declaration.
func (c *checker) check(changed map[string]string) error {
	for file := range changed {
		dir, err := filepath.Abs(path.Dir(file))
		require.NoError(c.t, err)
		var files []*ast.File
		for _, name := range c.files[dir] {
			f, err := c.parse(path.Join(path.Dir(file), name), changed)
			if err != nil {
				return err
			}
			files = append(files, f)
		}
		if _, err := (&types.Config{Importer: c.importer}).Check(path.Dir(file), c.fset, files, nil); err != nil {
			return err
		}
	}
	return nil
}

// parse parses a file, with its changed text if it is changed.
func (c *checker) parse(file string, changed map[string]string) (*ast.File, error) {
	if text, ok := changed[file]; ok {
		return parser.ParseFile(c.fset, file, text, parser.SkipObjectResolution)
	}
	if c.parsed[file] == nil {
		f, err := parser.ParseFile(c.fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		c.parsed[file] = f
	}
	return c.parsed[file], nil
}
