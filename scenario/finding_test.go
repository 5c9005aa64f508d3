package scenario

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
)

// sessionWith prepares a run of "close(1)", in which op replaces close.
func sessionWith(t *testing.T, opts Options, op func(c *call) answer) *Session {
	t.Helper()
	file, err := syntax.Parse("test.uffd", []byte("t1: close(1)\nmaps()"))
	require.NoError(t, err)
	s, err := NewSession(file, opts)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	broken := *s.program.statements[0].op
	broken.run = op
	s.program.statements[0].op = &broken
	return s
}

func TestFindings(t *testing.T) {
	var lock sim.SpinLock
	lock.Init(&sim.LockClass{Name: "lock"})
	tests := []struct {
		name, want string
		freely     bool // the free executor finds it, too
		op         func(c *call) answer
	}{
		{"a bug of the kernel", "BUG_ON in here: all is lost (task t1)", true, func(c *call) answer {
			sim.BugOn(c.task.(*modelThread).Task.Task, true, "here", "all is lost")
			return answer{}
		}},
		{"a panic of the model", "index out of range", true, func(c *call) answer {
			return answer{text: string(c.args[len(c.args)].bytes)}
		}},
		{"a panic with a text", "oh", true, func(*call) answer { panic("oh") }},
		{"a lock taken twice", "lock misuse in lock: taken twice by one task (task t1)", false, func(c *call) answer {
			lock.Lock(c.task.(*modelThread).Task.Task)
			lock.Lock(c.task.(*modelThread).Task.Task)
			return answer{}
		}},
		{"no end", "the run does not settle", false, func(c *call) answer {
			for {
				c.task.(*modelThread).SetState(sim.Interruptible)
			}
		}},
	}
	for _, tt := range tests {
		for _, free := range []bool{false, true} {
			if free && !tt.freely {
				continue
			}
			t.Run(tt.name, func(t *testing.T) {
				s := sessionWith(t, Options{Free: free, Steps: 100}, tt.op)
				r, err := s.Next()
				require.NoError(t, err)
				require.NotNil(t, r.Finding)
				require.False(t, r.OK)
				require.Contains(t, r.Finding.Error(), "test.uffd:1: close(1): finding: ")
				require.Contains(t, r.Finding.Error(), tt.want)
				_, err = s.Next()
				require.ErrorIs(t, err, io.EOF, "a finding ends the run")
			})
		}
	}
}

// The free executor, which counts no steps, limits the time of an operation.
func TestTimeout(t *testing.T) {
	stop := make(chan struct{})
	s := sessionWith(t, Options{Free: true, Timeout: 20 * time.Millisecond}, func(*call) answer {
		<-stop
		return answer{}
	})
	r, err := s.Next()
	close(stop)
	require.NoError(t, err)
	require.ErrorContains(t, r.Finding, "the machine does not settle within 20ms")
}

// A run with Check finds data structures that contradict each other.
func TestBrokenDataStructures(t *testing.T) {
	s := sessionWith(t, Options{Check: true}, func(c *call) answer {
		space, self := c.process.Process.(*modelProcess).MM, c.task.(*modelThread).Task.Task
		_, err := c.task.Mmap(0x10000, mm.PageSize, mm.ProtRead, mm.MapPrivate|mm.MapAnonymous, -1, 0)
		space.MmapLock.DownWrite(self)
		space.First(self).Flags |= mm.VMUffdMissing
		space.MmapLock.UpWrite(self)
		return status(err)
	})
	r, err := s.Next()
	require.NoError(t, err)
	require.ErrorContains(t, r.Finding, "test.uffd:1: close(1): finding: process main: VMA [0x10000, 0x11000): userfault context")
}

// The list of allocation sites has exactly those of the kernel code.
func TestSites(t *testing.T) {
	var found []string
	for _, dir := range []string{"../mm", "../uffd", "../machine"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") {
				found = append(found, sitesIn(t, name)...)
			}
		}
	}
	slices.Sort(found)
	known := sites.known()
	slices.Sort(known)
	require.Equal(t, slices.Compact(found), known)
}

// sitesIn returns the arguments of the calls of ShouldFail in a file.
func sitesIn(t *testing.T, name string) []string {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	require.NoError(t, err)
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if f, ok := c.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "ShouldFail" {
			site, err := strconv.Unquote(c.Args[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			found = append(found, site)
		}
		return true
	})
	return found
}
