package conform

import (
	"embed"
	"io/fs"
	"path"

	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

//go:embed testdata/*.uffd
var suite embed.FS

// Suite returns the conformance suite: small scenarios, each about one thing, that expect
// the answers of the newest version.
func Suite() ([]*syntax.File, error) {
	names, err := fs.Glob(suite, "testdata/*.uffd")
	if err != nil {
		return nil, err
	}
	var files []*syntax.File
	for _, name := range names {
		text, err := suite.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file, err := syntax.Parse(path.Base(name), text)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// Vector returns the scenario with the answers of a version. The error says why that
// version cannot run it: a task may still sleep there, for example.
func Vector(file *syntax.File, kernel string) ([]byte, error) {
	report, err := scenario.Run(file, scenario.Options{Kernel: kernel})
	if err != nil {
		return nil, err
	}
	if f := report.Finding(); f != nil {
		return nil, f
	}
	return report.Update(file), nil
}
