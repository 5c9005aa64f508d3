package docs_test

import (
	"bytes"
	"cmp"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/uffdsim/uffdsim"

// floors lists the packages from the ground up, one floor or a part of one in each row.
// "x/..." is x and all packages in it, except those that have a row of their own. A
// package in no row belongs to the last one. A package may import packages of the rows
// above its own, and in its own row those of its own directory.
var floors = [][]string{
	{"errno", "lockorder", "docs", "lessons"},
	{"sim"},
	{"vfs"},
	{"mm/rule", "mm/page", "mm/pgtable"}, // floor 3: what mm is made of
	{"mm"},
	{"mm/..."},   // the memory types
	{"uffd/abi"}, // floor 4
	{"uffd/..."},
	{"kernel"},
	{"procfs"},
	{"machine"},
	{"scenario/..."},
	{"explore/...", "live/...", "bench"},
	{"litmus", "trace/...", "conform/..."},
	{"vmm/...", "kit/..."},
	{"museum/...", "property_test/...", "play/..."},
}

// floorOf returns the row of a package, given by its directory.
func floorOf(dir string) int {
	has := func(pattern string) func([]string) bool {
		return func(row []string) bool { return slices.Contains(row, pattern) }
	}
	if i := slices.IndexFunc(floors, has(dir)); i >= 0 {
		return i
	}
	for d := dir; d != "."; d = filepath.Dir(d) {
		if i := slices.IndexFunc(floors, has(d+"/...")); i >= 0 {
			return i
		}
	}
	return len(floors)
}

func mayImport(importer, imported string) bool {
	from, to := floorOf(importer), floorOf(imported)
	top := func(dir string) string { return strings.SplitN(dir, "/", 2)[0] }
	return to < from || to == from && (from == len(floors) || top(importer) == top(imported))
}

// golist runs go list at the root, for a platform ("" is this one), and returns its
// lines.
func golist(t *testing.T, platform string, args ...string) []string {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = ".."
	cmd.Env = os.Environ()
	if goos, goarch, ok := strings.Cut(platform, "/"); ok {
		cmd.Env = append(cmd.Env, "GOOS="+goos, "GOARCH="+goarch)
	}
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, err := cmd.Output()
	require.NoError(t, err, errors.String())
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestImportsPointDownwards(t *testing.T) {
	for _, line := range golist(t, "", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		importer, imports, _ := strings.Cut(line, " ")
		importer = strings.TrimPrefix(importer, module+"/")
		for imported := range strings.FieldsSeq(imports) {
			if dir, ours := strings.CutPrefix(imported, module+"/"); ours && !mayImport(importer, dir) {
				t.Errorf("%s imports %s, which does not stand below it: see floors in architecture_test.go", importer, dir)
			}
		}
	}
}

// The binary interface depends on no code of the model.
func TestABIImportsErrnoOnly(t *testing.T) {
	for _, imported := range golist(t, "", "-f", `{{join .Imports "\n"}}`, "./uffd/abi") {
		if dir, ours := strings.CutPrefix(imported, module+"/"); ours && dir != "errno" {
			t.Errorf("uffd/abi imports %s", dir)
		}
	}
}

// floorOf and mayImport read the rows as intended.
func TestFloors(t *testing.T) {
	for _, c := range []struct {
		importer, imported string
		want               bool
	}{
		{"mm", "mm/pgtable", true},
		{"mm/pgtable", "mm/page", true},
		{"mm/pgtable", "mm", false},
		{"mm/shmem", "mm", true},
		{"mm", "mm/shmem", false},
		{"mm", "uffd", false},
		{"uffd", "uffd/abi", true},
		{"uffd/abi", "uffd", false},
		{"procfs", "machine", false},
		{"trace/dot", "trace", true},
		{"explore", "explore/broadcast", true},
		{"live", "bench", false},
		{"play", "lessons", true},
		{"scenario", "cmd/uffdsim", false},
		{"cmd/uffdsim", "internal/anything", true},
	} {
		require.Equal(t, c.want, mayImport(c.importer, c.imported), "%s imports %s", c.importer, c.imported)
	}
}

// A program that imports uffd downloads btree and no other module.
func TestCoreNeedsBtreeOnly(t *testing.T) {
	for _, platform := range []string{"", "js/wasm", "darwin/arm64", "windows/amd64"} {
		modules := map[string]bool{}
		for _, path := range golist(t, platform, "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./uffd") {
			modules[path] = true
		}
		delete(modules, "") // the standard library
		require.Equal(t, map[string]bool{module: true, "github.com/google/btree": true}, modules, cmp.Or(platform, "here"))
	}
}

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// sources calls do for each Go file of the module that is neither a test nor generated.
func sources(t *testing.T, do func(path, text string)) {
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && !generated.Match(text) {
			do(strings.TrimPrefix(filepath.ToSlash(path), "../"), string(text))
		}
		return err
	})
	require.NoError(t, err)
}

// A file has one idea, and at most 400 lines.
func TestNoFileIsTooLong(t *testing.T) {
	sources(t, func(path, text string) {
		if n := strings.Count(text, "\n"); n > 400 {
			t.Errorf("%s has %d lines; 400 is the limit", path, n)
		}
	})
}

var lockClass = regexp.MustCompile(`LockClass\{Name: [^}]*\}`)

// Package lockorder has the ranks of all locks of the model, except siglock's, which is
// in sim.
func TestRanksStandInOneFile(t *testing.T) {
	n := 0
	sources(t, func(path, text string) {
		for _, class := range lockClass.FindAllString(text, -1) {
			if n++; !strings.Contains(class, "Rank: lockorder.") && path != "sim/state.go" && !strings.HasPrefix(path, "examples/") {
				t.Errorf("%s: the rank of %s is not from package lockorder", path, class)
			}
		}
	})
	require.Greater(t, n, 5, "the expression does not find the classes any longer")
}
