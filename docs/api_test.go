package docs_test

import (
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// No package exports a table that an importer can change: instead of the variable it has
// a function that returns a copy.
func TestNoTableIsExported(t *testing.T) {
	var offenders []string
	for _, pkg := range exported(t, "./...") {
		for _, name := range pkg.Scope().Names() {
			v, ok := pkg.Scope().Lookup(name).(*types.Var)
			if !ok || !v.Exported() {
				continue
			}
			switch v.Type().Underlying().(type) {
			case *types.Slice, *types.Map, *types.Array:
				offenders = append(offenders, pkg.Name()+"."+name)
			}
		}
	}
	require.Empty(t, offenders, "exported variables that every importer can change")
}

// exported returns the packages of the module that the patterns match, with what they
// export.
func exported(t *testing.T, patterns ...string) []*types.Package {
	files := map[string]string{}
	for _, line := range golist(t, "", append([]string{"-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}, patterns...)...) {
		path, file, _ := strings.Cut(line, " ")
		files[path] = file
	}
	imports := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(files[path])
	})
	var pkgs []*types.Package
	for _, path := range golist(t, "", patterns...) {
		pkg, err := imports.Import(path)
		require.NoError(t, err)
		pkgs = append(pkgs, pkg)
	}
	require.NotEmpty(t, pkgs)
	return pkgs
}
