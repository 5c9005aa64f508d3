package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

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
		return err
	}
	now, mode, err := readWritable(path)
	switch {
	case err != nil:
		return fmt.Errorf("--update: %w", err)
	case string(now) != string(ran):
		return fmt.Errorf("--update: %s was changed while it ran, and is left alone", name)
	case string(now) == string(text):
		return nil
	}
	return replaceFile(path, text, mode)
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
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, 0, err
	}
	text, err = readAll(f, path)
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
