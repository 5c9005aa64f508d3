// Package broadcast sends messages to all other members of a group, through files in a
// directory that all members can reach: on one machine, or on a file system that several
// machines share. Each member appends its messages to its own file, and reads those of
// the others.
package broadcast

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

// Member is a member of a group. M is the type of its messages, which are encoded as
// JSON. A Member is not safe for concurrent use.
type Member[M any] struct {
	path    string // of its own file
	subject string
	peers   []*peer
}

// peer is another member, with the inbox of its messages.
type peer struct {
	number int
	path   string
	read   int64 // bytes of its file, up to the first message that was not accepted
}

// header is the first line of a file.
type header struct {
	Subject string // of the group
}

// Join joins a group of n members that share a subject, as the member with the number me,
// from 0 to n-1. It creates the directory if it does not exist. It returns an error if a
// file of the directory is about another subject, or if this member's file exists
// already: a member cannot rejoin.
func Join[M any](dir string, me, n int, subject string) (*Member[M], error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	m := &Member[M]{path: path(dir, me), subject: subject}
	for i := range n {
		if i != me {
			m.peers = append(m.peers, &peer{number: i, path: path(dir, i)})
		}
	}
	// Check the subject before the others can notice this member.
	if err := m.Receive(func(int, M) bool { return false }); err != nil {
		return nil, err
	}
	err := m.write(os.O_CREATE|os.O_EXCL, header{subject})
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s exists: a shard cannot rejoin, and needs a directory that was empty before the first shard started", m.path)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func path(dir string, number int) string {
	return filepath.Join(dir, fmt.Sprintf("shard-%d.jsonl", number))
}

// Send sends a message to all other members.
func (m *Member[M]) Send(message M) error { return m.write(0, message) }

// write appends a line, or nothing if that fails. It opens and closes the file each time:
// a network file system shows other machines what was written only after the close, and
// may report only then that the disk is full.
func (m *Member[M]) write(flags int, what any) error {
	line, err := json.Marshal(what)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(m.path, flags|os.O_WRONLY|os.O_APPEND, 0o666)
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

// Receive delivers the messages that have arrived, those of each peer in the order in
// which it sent them. If accept refuses a message, the next call delivers it again, with
// all later ones of the same peer.
func (m *Member[M]) Receive(accept func(from int, message M) bool) error {
	for _, p := range m.peers {
		err := p.lines(func(line []byte) (bool, error) {
			if p.read == 0 {
				return true, m.check(p.path, line)
			}
			var message M
			if err := json.Unmarshal(line, &message); err != nil {
				return false, fmt.Errorf("%s: byte %d: %w", p.path, p.read, err)
			}
			return accept(p.number, message), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// openRegular opens a file for reading. It refuses anything else: a pipe would block, and
// a device may never end.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// lines delivers the complete lines that have not been accepted yet. It opens the file
// each time, because a network file system looks for new contents only then.
func (p *peer) lines(accept func(line []byte) (bool, error)) error {
	f, err := openRegular(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.read == 0:
		return nil // it has not joined yet
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s was removed, and may have had further messages", p.path)
	case err != nil:
		return err
	}
	defer f.Close()
	switch end, err := f.Seek(0, io.SeekEnd); {
	case err != nil:
		return err
	case end < p.read:
		return fmt.Errorf("%s is shorter than before: was it replaced?", p.path)
	}
	if _, err := f.Seek(p.read, io.SeekStart); err != nil {
		return err
	}
	for in := bufio.NewReader(f); ; {
		line, err := in.ReadBytes('\n')
		if err == io.EOF || bytes.IndexByte(line, 0) >= 0 {
			return nil // the rest of the line, or a piece in it, is still to arrive
		}
		if err != nil {
			return err
		}
		if accepted, err := accept(line); err != nil || !accepted {
			return err
		}
		p.read += int64(len(line))
	}
}

// check checks a header.
func (m *Member[M]) check(path string, line []byte) error {
	var h header
	if err := json.Unmarshal(line, &h); err != nil {
		return fmt.Errorf("%s: line 1: %w", path, err)
	}
	if h.Subject != m.subject {
		return fmt.Errorf("%s is about another subject: %s, not %s", path, h.Subject, m.subject)
	}
	return nil
}
