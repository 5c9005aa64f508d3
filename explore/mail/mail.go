// Package mail lets the members of a group tell each other things, through files in a
// directory that all of them can reach: one machine's, or one that several machines share.
// Each member appends letters to a file of its own and reads those of the others.
package mail

import (
	"bufio"
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
	out    *os.File
	others []*sender
}

// sender is another member.
type sender struct {
	number  int
	path    string
	subject string
	read    int64 // bytes of its file, up to the first letter that was not taken
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
	b := &Box[L]{}
	for i := range n {
		if i != me {
			b.others = append(b.others, &sender{number: i, path: path(dir, i), subject: subject})
		}
	}
	var err error
	b.out, err = os.OpenFile(path(dir, me), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is there already: each part needs a file of its own, in a directory that was empty before", path(dir, me))
	}
	if err != nil {
		return nil, err
	}
	if err := b.write(heading{subject}); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func path(dir string, number int) string {
	return filepath.Join(dir, fmt.Sprintf("part-%d.jsonl", number))
}

// Send sends a letter to all others.
func (b *Box[L]) Send(letter L) error { return b.write(letter) }

// write appends a line. Readers that see a part of it wait for the rest.
func (b *Box[L]) write(what any) error {
	line, err := json.Marshal(what)
	if err != nil {
		return err
	}
	_, err = b.out.Write(append(line, '\n'))
	return err
}

// Receive hands over the letters that have come, those of each sender in the order in which they
// were sent. A letter that take refuses is left for the next time, with all later ones of its sender.
func (b *Box[L]) Receive(take func(from int, letter L) bool) error {
	for _, s := range b.others {
		err := s.lines(func(line []byte) (bool, error) {
			if s.read == 0 {
				return true, s.check(line)
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
// opened anew each time: where machines share a directory, that is when one sees what another has
// written.
func (s *sender) lines(take func(line []byte) (bool, error)) error {
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it has not joined yet
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(s.read, io.SeekStart); err != nil {
		return err
	}
	for in := bufio.NewReader(f); ; {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return nil
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
func (s *sender) check(line []byte) error {
	var h heading
	if err := json.Unmarshal(line, &h); err != nil {
		return fmt.Errorf("%s: line 1: %w", s.path, err)
	}
	if h.Subject != s.subject {
		return fmt.Errorf("%s is about something else: %s, not %s", s.path, h.Subject, s.subject)
	}
	return nil
}

// Close ends the sending. What was sent stays.
func (b *Box[L]) Close() error { return b.out.Close() }
