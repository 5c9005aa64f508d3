package play

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/trace"
	"github.com/uffdsim/uffdsim/trace/page"
	"github.com/uffdsim/uffdsim/uffd"
)

// Request is a request for a run.
type Request struct {
	Name    string   `json:"name"`
	Source  string   `json:"source"`
	Kernel  string   `json:"kernel"` // "" for the scenario's own
	Seed    uint64   `json:"seed"`
	Dropped []string `json:"dropped"` // rules to drop, by name
}

// Response is a run, with its result.
type Response struct {
	*page.Data
	Statements int    `json:"statements"`
	Checked    int    `json:"checked"` // checked expectations
	Wrong      []int  `json:"wrong"`   // lines with a failed expectation
	Ended      string `json:"ended"`   // the reason for an early end, "" for none
	Line       int    `json:"line"`    // its line
}

// serveRun runs a scenario when its turn comes.
func (s *Server) serveRun(w http.ResponseWriter, r *http.Request) {
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		busy(w, fmt.Sprintf("%d runs are waiting already: try again later", MaxWaiting))
		return
	}
	req, status, err := read(w, r)
	if err != nil {
		refuse(w, status, err.Error())
		return
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case s.turns <- struct{}{}:
		// The turn lasts until the answer is written, because an answer that waits for
		// its client takes memory.
		defer func() { <-s.turns }()
	case <-late.C:
		busy(w, "too much is being run: try again later")
		return
	case <-r.Context().Done():
		return // the client has disconnected
	}
	parts, err := s.answerTo(r.Context(), req)
	if r.Context().Err() != nil {
		return
	}
	// A client that does not read its answer delays the others.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.reading)) // an error means that there is no connection
	if err != nil {
		reply(w, http.StatusUnprocessableEntity, refusal{Error: err.Error(), Line: lineOf(err)})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = parts.WriteTo(w) // an error means that the client has disconnected
}

// answerTo runs a scenario and encodes the answer.
func (s *Server) answerTo(ctx context.Context, req *Request) (net.Buffers, error) {
	response, err := run(ctx, req)
	if err != nil {
		return nil, err
	}
	return response.encode(ctx, s.answer)
}

func busy(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", "5")
	refuse(w, http.StatusServiceUnavailable, why)
}

// read decodes a request. With an error it returns the status of the answer.
func read(w http.ResponseWriter, r *http.Request) (*Request, int, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return nil, http.StatusUnsupportedMediaType, errors.New("the request must be JSON, with the content type application/json")
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxBody))
	dec.DisallowUnknownFields()
	var req Request
	err := dec.Decode(&req)
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = errors.Join(more, errors.New("text follows the object"))
		}
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the scenario is too long: a request has at most %d KiB", MaxBody>>10)
	}
	if err != nil {
		return nil, http.StatusBadRequest, unreadable(err)
	}
	if err := req.check(); err != nil {
		return nil, http.StatusBadRequest, err
	}
	return &req, http.StatusOK, nil
}

// unreadable says in plain words why a request cannot be decoded.
func unreadable(err error) error {
	const unknown = "json: unknown field "
	var value *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the request is empty: it must be a JSON object")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the request is cut off: it must be a JSON object")
	case errors.As(err, &value) && value.Field != "":
		return fmt.Errorf("the field %q of the request cannot be of kind %s", value.Field, value.Value)
	case errors.As(err, &value):
		return fmt.Errorf("the request must be a JSON object, and is of kind %s", value.Value)
	case errors.As(err, &syntax):
		return fmt.Errorf("the request is not JSON: %w, at byte %d", err, syntax.Offset)
	case strings.HasPrefix(err.Error(), unknown):
		return fmt.Errorf("a request has no field %s: its fields are name, source, kernel, seed and dropped", strings.TrimPrefix(err.Error(), unknown))
	}
	return fmt.Errorf("the request cannot be read: %w", err)
}

// check refuses parts of a request that are longer than any sensible value.
func (r *Request) check() error {
	switch rules := len(uffd.Rules()); {
	case len(r.Name) > MaxName:
		return fmt.Errorf("the scenario's name has %d bytes: at most %d are allowed", len(r.Name), MaxName)
	case len(r.Kernel) > MaxName:
		return fmt.Errorf("the name of the kernel has %d bytes: at most %d are allowed", len(r.Kernel), MaxName)
	case len(r.Dropped) > rules:
		return fmt.Errorf("%d rules are dropped: there are only %d", len(r.Dropped), rules)
	}
	for i, rule := range r.Dropped {
		if len(rule) > MaxName {
			return fmt.Errorf("the name of dropped rule %d has %d bytes: at most %d are allowed", i+1, len(rule), MaxName)
		}
	}
	return nil
}

// run runs a scenario to its end, or to a limit. The error is a mistake in it, or the
// context's.
func run(ctx context.Context, req *Request) (*Response, error) {
	req.Name, req.Seed = cmp.Or(req.Name, "scenario"), cmp.Or(req.Seed, 1)
	opts := scenario.Options{Kernel: req.Kernel, Seed: req.Seed, Trace: true, Check: true, Limits: Limits}
	for _, name := range req.Dropped {
		r, err := uffd.ParseRule(name)
		if err != nil {
			return nil, err
		}
		opts.Dropped = opts.Dropped.With(r)
	}
	file, err := syntax.Parse(req.Name, []byte(req.Source))
	if err != nil {
		return nil, err
	}
	session, err := scenario.NewSessionContext(ctx, file, opts)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	begun := time.Now()
	stream, report, err := trace.Of(session, req.Name, req.Source, req.Seed, func(*scenario.Result) error {
		if time.Since(begun) > maxTime {
			return &scenario.LimitError{What: "seconds", Limit: int(maxTime / time.Second)}
		}
		return ctx.Err()
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	response := &Response{Data: page.DataOf(stream), Statements: len(report.Results), Checked: report.Checked(), Wrong: []int{}}
	for _, r := range report.Failures() {
		response.Wrong = append(response.Wrong, r.Line)
	}
	if f := report.Finding(); f != nil {
		response.Ended, response.Line = f.What, f.Line
	}
	if err != nil { // such as an operation of a task that sleeps: the steps up to it are useful
		response.Ended, response.Line = err.Error(), lineOf(err)
	}
	return response, nil
}

// lineOf returns the line of the scenario that an error concerns, 0 if none.
func lineOf(err error) int {
	if mistakes, ok := errors.AsType[syntax.Errors](err); ok {
		return mistakes[0].Pos.Line
	}
	if mistake, ok := errors.AsType[*scenario.Mistake](err); ok {
		return mistake.Pos.Line
	}
	return 0
}
