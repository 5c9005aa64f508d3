package trace

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// hugeScenario splits a huge page.
const hugeScenario = `mmap(0x200000, 512p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)
madvise(0x200000, 512p, MADV_HUGEPAGE)
store(0x201000, 'h')
mprotect(0x202000, 1p, PROT_READ)
pagewalk(0x201000)
`

// scenarios returns all scenarios: the lessons, and those that are compared with the
// kernel.
func scenarios(t *testing.T) map[string]string {
	all := map[string]string{}
	for _, l := range lessons.All() {
		all[l.Name] = l.Source
	}
	all["huge"] = hugeScenario
	files, err := filepath.Glob("../conform/testdata/*.uffd")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	files = append(files, "tracetest/names.uffd")
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		all[filepath.Base(f)] = string(text)
	}
	return all
}

// follower runs a scenario statement by statement, and compares the state of the stream
// with that of the machine.
type follower struct {
	t        *testing.T
	session  *scenario.Session
	recorder Recorder
	state    State
	seen     int
	looks    int
	exited   bool // the first process has exited
}

func (f *follower) do(line string) (*scenario.Result, error) {
	r, err := f.session.Do(line)
	if err != nil {
		return nil, err
	}
	f.recorder.Statement(r)
	f.exited = f.exited || r.Task == "main" && strings.HasPrefix(r.Op, "exit(")
	for ; f.seen < len(f.recorder.Stream); f.seen++ {
		f.state.Apply(&f.recorder.Stream[f.seen])
	}
	return r, nil
}

// look compares a view of the machine with that of the state.
func (f *follower) look(want []string, format string, args ...any) {
	r, err := f.session.Do(fmt.Sprintf(format, args...))
	require.NoError(f.t, err)
	got := r.Block
	if got == nil {
		got = []string{r.Answer}
	}
	require.Equal(f.t, got, want, "%s", r.Op)
	f.looks++
}

func (f *follower) compare() {
	for _, name := range f.processes() {
		sp := f.state.Space(f.state.Task(name).Space)
		if sp == nil {
			continue
		}
		maps := sp.Maps(func(ctx string) string { return f.state.Context(ctx).Label() })
		if len(maps) == 0 {
			maps = []string{"nothing is mapped"}
		}
		f.look(maps, "%s: maps()", name)
		if len(sp.VMAs) > 8 {
			continue
		}
		for _, v := range sp.VMAs {
			n := min((v.End-v.Start)/mm.PageSize, 16)
			there := ""
			for i := range n {
				if sp.Present(v.Start + i*mm.PageSize) {
					there += "+"
				} else {
					there += "-"
				}
			}
			f.look([]string{there}, "%s: present(%#x, %d)", name, v.Start, n)
			f.look(sp.Walk(v.Start), "%s: pagewalk(%#x)", name, v.Start)
		}
		f.look(sp.Walk(f.state.Touched), "%s: pagewalk(%#x)", name, f.state.Touched)
	}
}

// processes returns one task of each process that still exists.
func (f *follower) processes() []string {
	seen, names := map[string]bool{}, []string{}
	for _, t := range f.state.Tasks {
		if sp := f.state.Space(t.Space); t.State == "done" && !seen[t.Space] && (sp == nil || !sp.Gone) {
			seen[t.Space] = true
			names = append(names, t.Name)
		}
	}
	return names
}

// The state of the stream is that of the machine, after every statement of every
// scenario.
func TestStateIsTheMachines(t *testing.T) {
	looks := 0
	for name, text := range scenarios(t) {
		for _, kernel := range []string{"2015+copy", "4.3", "6.18"} {
			t.Run(name+"/"+kernel, func(t *testing.T) { looks += follow(t, name, text, kernel) })
		}
	}
	require.Greater(t, looks, 20_000)
}

func follow(t *testing.T, name, text, kernel string) int {
	lines := strings.Split(text, "\n")
	header := ""
	for _, l := range lines {
		if strings.HasPrefix(l, "#!") {
			header += l + "\n"
		}
	}
	empty, err := syntax.Parse(name, []byte(header))
	require.NoError(t, err)
	file, err := syntax.Parse(name, []byte(text))
	require.NoError(t, err)
	session, err := scenario.NewSession(empty, scenario.Options{Kernel: kernel, Trace: true})
	require.NoError(t, err)
	defer session.Close()
	f := &follower{t: t, session: session}
	for _, st := range file.Stmts {
		r, err := f.do(lines[st.Pos.Line-1])
		if err != nil {
			require.ErrorIs(t, err, scenario.ErrCannotGoOn, "nothing else may end a scenario early")
			return f.looks // on this kernel the task sleeps, or has ended
		}
		require.Nil(t, r.Finding)
		f.checkTask(r)
		f.compare()
		f.checkQueues()
	}
	return f.looks
}

// checkTask compares the state of a statement's task with the statement's result.
func (f *follower) checkTask(r *scenario.Result) {
	task := f.state.Task(r.Task)
	switch {
	case task == nil: // the statement only observed
	case r.Answer == "blocked":
		require.Contains(f.t, []string{"asleep", "waiting"}, task.State, "%s: %s", r.Task, r.Op)
	case r.Answer == "killed":
		require.Equal(f.t, "killed", task.State)
	case r.Answer != "idle":
		require.Contains(f.t, []string{"done", "killed"}, task.State, "%s: %s", r.Task, r.Op)
		require.Empty(f.t, task.Holds)
	}
}

// checkQueues compares the queues of each context with those of the machine.
func (f *follower) checkQueues() {
	if f.state.Task("main").State != "done" || f.exited {
		return // descriptors are looked up in the first process
	}
	maker := map[string]string{} // the process of each address space
	for _, name := range f.processes() {
		maker[f.state.Task(name).Space] = name
	}
	for _, c := range f.state.Contexts {
		if maker[c.Space] == "" { // the process has ended, and its descriptors with it
			continue
		}
		if c.Alias == "" || strings.Contains(c.Alias, "#") || c.Released || f.closed(c.Alias) {
			continue
		}
		line := func(label string, queue []string) string {
			if len(queue) == 0 {
				return label + "none"
			}
			return label + strings.Join(queue, " ")
		}
		f.look([]string{line("pending: ", c.Queues[Pending]), line("read: ", c.Queues[Read])}, "%s: queues(%s)", maker[c.Space], c.Alias)
	}
}

// closed reports whether some process has closed the descriptor, so that its name has no
// meaning there.
func (f *follower) closed(name string) bool {
	for _, e := range f.recorder.Stream {
		if e.Kind == "op_end" && (strings.HasPrefix(e.Object, "close("+name) || strings.HasPrefix(e.Object, name+" = ")) {
			return true
		}
	}
	return false
}
