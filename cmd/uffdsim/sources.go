package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/uffdsim/uffdsim/lessons"
)

// stdinName is what a scenario from standard input is called.
const stdinName = "<stdin>"

// readSource returns the text of a scenario and its name for messages. name is that of a
// file or a lesson, or "-" for in, the standard input. A file takes precedence over a
// lesson.
func readSource(in io.Reader, name string) (text []byte, path string, err error) {
	if name == "-" {
		if text, err = readAll(in); err != nil {
			err = fmt.Errorf("%s: %w", stdinName, reason(err))
		}
		return text, stdinName, err
	}
	text, err = readScenario(name)
	if errors.Is(err, os.ErrNotExist) {
		if lesson, ok := lessons.Find(name); ok {
			return []byte(lesson.Source), lesson.Name + ".uffd", nil
		}
		return nil, "", fmt.Errorf("%s: no such file, and no lesson of that name%s (\"uffdsim list\" shows them)", name, didYouMean(name, lessonNames()))
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", name, reason(err))
	}
	return text, name, nil
}

// reason returns an error about a file without the name of the system call and the
// file.
func reason(err error) error {
	if wrapped, ok := errors.AsType[*fs.PathError](err); ok {
		return wrapped.Err
	}
	return err
}

// filesIn returns the scenarios in a directory, or the name alone if it is not that of a
// directory. The error says that the directory has no scenario.
func filesIn(name string) ([]string, error) {
	if info, err := os.Stat(name); err != nil || !info.IsDir() {
		return []string{name}, nil
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, reason(err))
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && filepath.Ext(e.Name()) == ".uffd" {
			files = append(files, filepath.Join(name, e.Name()))
		}
	}
	if files == nil {
		return nil, fmt.Errorf("%s: the directory has no scenarios (*.uffd)", name)
	}
	return files, nil
}

// maxScenario is more than any scenario is long, in bytes.
const maxScenario = 16 << 20

// readScenario reads a file. It refuses one that is too long for a scenario, such as a
// device without an end.
func readScenario(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

func readAll(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxScenario+1))
	if err == nil && len(text) > maxScenario {
		err = fmt.Errorf("more than %d MiB, which is no scenario", maxScenario>>20)
	}
	return text, err
}

// lessonNames returns the names of all lessons.
func lessonNames() (names []string) {
	for _, l := range lessons.All() {
		names = append(names, l.Name)
	}
	return names
}
