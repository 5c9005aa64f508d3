package trace_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/trace"
	"github.com/uffdsim/uffdsim/trace/tracetest"
)

// checkRoundTrip requires that the stream is written as JSON, one object a line, and read
// back.
func checkRoundTrip(t *testing.T, s trace.Stream) {
	var b bytes.Buffer
	require.NoError(t, s.WriteJSON(&b))
	for line := range bytes.Lines(b.Bytes()) {
		require.True(t, json.Valid(line), "%q", line)
	}
	got, err := trace.ReadJSON(&b)
	require.NoError(t, err)
	require.Equal(t, len(s), len(got))
	for i := range s {
		if len(s[i].Args) == 0 {
			s[i].Args = nil
		}
		require.Equal(t, s[i], got[i])
	}
}

// FuzzReadJSON reads any text. An accepted stream can be written, and its events have
// sentences.
func FuzzReadJSON(f *testing.F) {
	tracetest.Fuzz(f, func(t *testing.T, s trace.Stream) {
		checkRoundTrip(t, s)
		label := s.Labels()
		for i := range s {
			_ = s[i].Sentence(label)
		}
	})
}

// Keys that Go and JSON quote differently are written as JSON, in their order.
func TestKeysAreJSON(t *testing.T) {
	keys := []string{"\x00", "\a", "\v", "\x7f", "\u0085", "\U0001f600", "\U000e0001", `"\`, "", "b", "a"}
	s := trace.Stream{{Seq: 1, Kind: "odd"}}
	for _, key := range keys {
		s[0].Args = append(s[0].Args, trace.Args{{Key: key, Value: "x"}}...)
	}
	checkRoundTrip(t, s)
}

// A text with anything behind the last event is refused.
func TestReadJSONReadsToTheEnd(t *testing.T) {
	for _, text := range []string{`{"seq":1}` + "\n}", "]", `{"seq":1,"args":["a",1]}`, `{"seq":1,"args":"a"}`, `{"seq":1,"args":1}`} {
		_, err := trace.ReadJSON(strings.NewReader(text))
		require.ErrorContains(t, err, "event ", text)
	}
	s, err := trace.ReadJSON(strings.NewReader(`{"args":{"a":1},"args":{"b":2}} {"args":null}`))
	require.NoError(t, err)
	require.Equal(t, trace.Args{{Key: "b", Value: 2}}, s[0].Args)
	require.Nil(t, s[1].Args)
}

// A name selects the same context, whatever else has that name.
func TestContextByName(t *testing.T) {
	s := tracetest.Scenario(t, "names", tracetest.Names)
	label := s.Labels()
	require.Equal(t, []string{"#1", "ctx1", "fd", "fd#4", "ctx9"}, []string{label("ctx1"), label("ctx2"), label("ctx3"), label("ctx4"), label("ctx9")})
}
