package conform

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// Found is a divergence that fuzzing found.
type Found struct {
	Lines []string // the scenario that leads to it; the last one is answered differently
	*Divergence
}

// scenarioLength is the number of statements of a random scenario.
const scenarioLength = 60

// Effort counts the operations of random scenarios.
type Effort struct {
	Operations int // run on both sides
	Same       int // answered alike by both sides, except for Unready
	Unready    int // refused by both sides, because the handshake was missing
	// Ended is why the rest of a scenario cannot be compared on this host, nil if all
	// was.
	Ended error
}

// FuzzOne runs a random scenario, and returns the number of operations and the first
// divergence, nil if there is none.
func FuzzOne(pair Pair, seed uint64) (Effort, *Found, error) {
	ours, theirs, err := pair()
	if err != nil {
		return Effort{}, nil, err
	}
	defer ours.Close()
	defer theirs.Close()
	g := newGenerator(seed)
	r := &lockstep{ours: ours, theirs: theirs}
	queue := g.begin()
	for len(r.lines) < scenarioLength {
		if len(queue) == 0 {
			queue = append(queue, g.next())
		}
		line := queue[0]
		queue = queue[1:]
		result, d, err := r.do(line)
		if err != nil {
			return r.effort(), nil, fmt.Errorf("seed %d: %w", seed, err)
		}
		if d != nil {
			return r.found(d)
		}
		g.learn(line, result.Answer)
		for _, task := range g.blocked() {
			result, d, err := r.do(task)
			if err != nil {
				return r.effort(), nil, fmt.Errorf("seed %d: %w", seed, err)
			}
			if d != nil {
				return r.found(d)
			}
			if result.Answer != "blocked" {
				g.landed(task, result.Answer)
			}
		}
	}
	return r.effort(), nil, nil
}

// found returns the end of a random scenario: a divergence, or nil if the rest cannot be
// compared on this host.
func (r *lockstep) found(d *Divergence) (Effort, *Found, error) {
	e := r.effort()
	if scenario.Incomparable(d.Err) {
		e.Ended = d.Err
		return e, nil, nil
	}
	if errors.Is(d.Err, errUnanswered) {
		return e, nil, d.Err
	}
	return e, &Found{r.lines, d}, nil
}

// blocked returns the tasks that were blocked when the scenario last asked.
func (g *generator) blocked() []string {
	var names []string
	for _, name := range []string{"t1", "t2", "t3"} {
		if g.tasks[name] != "" {
			names = append(names, name)
		}
	}
	return names
}

// lockstep runs statements on two implementations.
type lockstep struct {
	ours, theirs Doer
	lines        []string
	same         int // statements that both answered alike, except for unready
	unready      int // statements that both refused, because the handshake was missing
}

func (r *lockstep) effort() Effort {
	return Effort{Operations: len(r.lines), Same: r.same, Unready: r.unready}
}

// do runs a statement on both sides. The error is a mistake in the statement.
func (r *lockstep) do(line string) (*scenario.Result, *Divergence, error) {
	r.lines = append(r.lines, line)
	return r.compare(func(d Doer) (*scenario.Result, error) { return d.Do(line) })
}

// compare runs a statement on both sides by calling do for each.
func (r *lockstep) compare(do func(d Doer) (*scenario.Result, error)) (*scenario.Result, *Divergence, error) {
	a, err := do(r.ours)
	if err != nil {
		return nil, nil, err
	}
	if a.Finding != nil && a.Finding.NotModelled() {
		return nil, nil, a.Finding // there is no answer to compare
	}
	b, err := do(r.theirs)
	switch {
	case err != nil:
		return a, &Divergence{Ours: a, Err: err}, nil
	case b.Skipped:
		a.Skipped = true
		return a, nil, nil
	case a.Finding != nil || a.Answer != b.Answer || !slices.Equal(a.Block, b.Block):
		return a, &Divergence{Ours: a, Theirs: b}, nil
	}
	if a.Unready {
		r.unready++
	} else {
		r.same++
	}
	return a, nil, nil
}

// Replay runs the lines, and returns the first divergence, nil if there is none. The
// error is a mistake in a line.
func Replay(pair Pair, lines []string) (*Found, error) {
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	defer theirs.Close()
	r := &lockstep{ours: ours, theirs: theirs}
	for _, line := range lines {
		_, d, err := r.do(line)
		if err != nil {
			return nil, err
		}
		if d != nil {
			return &Found{r.lines, d}, nil
		}
	}
	return nil, nil
}

// Shrink removes from a divergence's scenario the lines that it does not need: it tries
// to remove half of them at a time, then smaller and smaller parts.
func Shrink(pair Pair, found *Found) *Found {
	for size := len(found.Lines) / 2; size > 0; {
		smaller := false
		for at := 0; at+size < len(found.Lines); {
			candidate := slices.Concat(found.Lines[:at], found.Lines[at+size:])
			if shorter, err := Replay(pair, candidate); err == nil && shorter != nil && !scenario.Incomparable(shorter.Err) {
				found, smaller = shorter, true
			} else {
				at += size
			}
		}
		if !smaller {
			size /= 2
		}
	}
	return found
}

// Scenario returns the divergence as a scenario that expects the answers of the target.
// It always parses: parts of an answer that a scenario cannot express are replaced by
// "...", which matches anything, and so is the end of a long line.
func (f *Found) Scenario(kernel string) string {
	text := fmt.Sprintf("#! kernel: %s\n%s\n", kernel, strings.Join(f.Lines, "\n"))
	if f.Err != nil {
		return text + comment("no answer: "+f.Err.Error())
	}
	file, err := syntax.Parse("found", []byte(text))
	if err != nil { // the model has not run these lines
		return comment(text + "answer of the target: " + whole(f.Theirs))
	}
	answer := syntax.Answer{Text: shorten(f.Theirs.Answer)}
	for _, line := range f.Theirs.Block {
		answer.Block = append(answer.Block, shorten(line))
	}
	text = string(file.Rewrite(map[int]syntax.Answer{len(file.Stmts) - 1: answer}))
	return text + comment("the model: "+whole(f.Ours))
}

// maxText is the length of a line that a scenario shows, in bytes. Escapes take up to
// three times as much, and a line of a scenario has at most 64 KiB.
const maxText = 16 << 10

// shorten returns the text, or the beginning of a long text followed by "...".
func shorten(text string) string {
	if len(text) <= maxText {
		return text
	}
	return text[:maxText] + "..."
}

// comment returns the text with each line turned into a comment.
func comment(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\x00", "\ufffd"), "\n") {
		fmt.Fprintf(&b, "# %s\n", strings.ToValidUTF8(shorten(line), "\ufffd"))
	}
	return b.String()
}
