// Package mail lets the members of a group tell each other things, through files in a
// directory that all of them can reach: one machine's, or one that several machines share.
// Each member appends letters to a file of its own and reads those of the others.
package mail

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Box is a member's way to the others. L is what its letters say: it is written as JSON. A
// Box is not for several goroutines at a time.
type Box[L any] struct {
	path    string // of its own file
	subject string
	others  []*sender
}

// sender is another member.
type sender struct {
	number int
	path   string
	read   int64 // bytes of its file, up to the first letter that was not taken
}

// heading is the first line of a file.
type heading struct {
	Subject string // what the letters are about
}

// Join makes the member with number me of n, from 0 on, one of a group that writes about the
// subject. The directory is made if it is not there. A member may join only once: its file must not be there.
func Join[L any](dir string, me, n int, subject string) (*Box[L], error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	b := &Box[L]{path: path(dir, me), subject: subject}
	for i := range n {
		if i != me {
			b.others = append(b.others, &sender{number: i, path: path(dir, i)})
		}
	}
	// Who has come to the wrong group finds out before the others hear of it.
	if err := b.Receive(func(int, L) bool { return false }); err != nil {
		return nil, err
	}
	err := b.write(os.O_CREATE|os.O_EXCL, heading{subject})
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is there already: a part begins only once, in a directory that was empty before the first one did", b.path)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

func path(dir string, number int) string {
	return filepath.Join(dir, fmt.Sprintf("part-%d.jsonl", number))
}

// Send sends a letter to all others.
func (b *Box[L]) Send(letter L) error { return b.write(0, letter) }

// write appends a line, all of it or nothing. The file is opened anew each time, and closed: a network's
// file system shows others what was written when it is closed, and only then has to say whether there was room.
func (b *Box[L]) write(flags int, what any) error {
	line, err := json.Marshal(what)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(b.path, flags|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		if _, err = f.Write(append(line, '\n')); err != nil {
			_ = f.Truncate(end)
		}
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// Receive hands over the letters that have come, those of each sender in the order in which they
// were sent. A letter that take refuses is left for the next time, with all later ones of its sender.
func (b *Box[L]) Receive(take func(from int, letter L) bool) error {
	for _, s := range b.others {
		err := s.lines(func(line []byte) (bool, error) {
			if s.read == 0 {
				return true, b.check(s.path, line)
			}
			var letter L
			if err := json.Unmarshal(line, &letter); err != nil {
				return false, fmt.Errorf("%s: byte %d: %w", s.path, s.read, err)
			}
			return take(s.number, letter), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lines hands over the lines that have not been taken yet, as far as they are whole. The file is
// opened anew each time: that is when a network's file system looks for what others have written.
func (s *sender) lines(take func(line []byte) (bool, error)) error {
	f, err := os.Open(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.read == 0:
		return nil // it has not joined yet
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is gone, and there may have been more in it", s.path)
	case err != nil:
		return err
	}
	defer f.Close()
	switch end, err := f.Seek(0, io.SeekEnd); {
	case err != nil:
		return err
	case end < s.read:
		return fmt.Errorf("%s is shorter than it was: has somebody put another one there?", s.path)
	}
	if _, err := f.Seek(s.read, io.SeekStart); err != nil {
		return err
	}
	for in := bufio.NewReader(f); ; {
		line, err := in.ReadBytes('\n')
		if err == io.EOF || bytes.IndexByte(line, 0) >= 0 {
			return nil // the rest, or a piece between, will come
		}
		if err != nil {
			return err
		}
		if taken, err := take(line); err != nil || !taken {
			return err
		}
		s.read += int64(len(line))
	}
}

// check reads a heading.
func (b *Box[L]) check(path string, line []byte) error {
	var h heading
	if err := json.Unmarshal(line, &h); err != nil {
		return fmt.Errorf("%s: line 1: %w", path, err)
	}
	if h.Subject != b.subject {
		return fmt.Errorf("%s is about another subject: %s, not %s", path, h.Subject, b.subject)
	}
	return nil
}
