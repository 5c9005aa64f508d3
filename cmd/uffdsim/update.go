package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// changes says what --update changes in the scenario of a report: the number of
// expectations that were not met, with their lines, and of results added to statements
// that expected nothing.
func changes(report *scenario.Report) string {
	var lines []string
	added := 0
	for i := range report.Results {
		r := &report.Results[i]
		switch {
		case !r.OK:
			lines = append(lines, strconv.Itoa(r.Line))
		case !r.Wanted && r.Answer != "", !r.BlockWanted && len(r.Block) > 0:
			added++
		}
	}
	if len(lines) == 0 && added == 0 {
		return "no expectation changed"
	}
	text := syntax.Counted(len(lines), "expectation") + " changed"
	switch len(lines) {
	case 0:
	case 1:
		text += " (line " + lines[0] + ")"
	default:
		text += " (lines " + strings.Join(lines, ", ") + ")"
	}
	return fmt.Sprintf("%s, %d added", text, added)
}

// updateFile replaces the text of a scenario's file. It writes a temporary file beside it
// and renames that, so that trouble on the way leaves the old text. The permissions stay,
// and a symbolic link still leads to the file. It refuses a file that may not be written
// to, and one that is no longer what was run.
func updateFile(name string, ran, text []byte) error {
	path, err := filepath.EvalSymlinks(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--update: %s is a lesson, and a lesson cannot be written to", name)
	}
	if err != nil {
		return fmt.Errorf("--update: %s: %w", name, reason(err))
	}
	now, mode, err := readWritable(path)
	switch {
	case err != nil:
		return fmt.Errorf("--update: %s: %w", name, reason(err))
	case string(now) != string(ran):
		return fmt.Errorf("--update: %s was changed while it ran, and is left alone", name)
	case string(now) == string(text):
		return nil
	}
	if err := replaceFile(path, text, mode); err != nil {
		return fmt.Errorf("--update: %s: %w", name, reason(err))
	}
	return nil
}

// readWritable returns the text of a regular file and its permissions. It returns an
// error if the file may not be written to: a rename would not need that permission.
func readWritable(path string) (text []byte, mode fs.FileMode, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, 0, err
	}
	text, err = readAll(f)
	return text, info.Mode().Perm(), err
}

// replaceFile gives the file a new text, all at once.
func replaceFile(path string, text []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
