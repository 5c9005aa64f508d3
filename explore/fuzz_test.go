package explore_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
)

// A short text cannot request a schedule of unlimited length.
func TestParseScheduleIsBounded(t *testing.T) {
	_, err := explore.ParseSchedule("t1*1000000")
	require.NoError(t, err)
	for _, text := range []string{"t1*1000001", "t1*999999 t2*2", strings.Repeat("t1*1000000 ", 100_000)} {
		_, err := explore.ParseSchedule(text)
		require.ErrorContains(t, err, "more than 1000000 steps")
	}
	_, err = explore.ParseSchedule(strings.Repeat("x", 1_000_000))
	require.Less(t, len(err.Error()), 200)
}

// FuzzParseSchedule parses any text as a schedule, and replays schedules that are not
// long.
func FuzzParseSchedule(f *testing.F) {
	for _, text := range []string{"t1*14 copier*32 t1*9", "t1*10 copier*19 t1*8", "copier*60 t1*60", "t1.buffer*1", "nobody*3", "t1*+7", "a*b*1", "t1*0", "*1", "", "\x00*1 \xff*2", "t1*999999 t2*2"} {
		f.Add(text)
	}
	setup := explore.FindSetup("copy")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := explore.ParseSchedule(text)
		if err != nil {
			return
		}
		again, err := explore.ParseSchedule(s.String())
		require.NoError(t, err)
		require.Equal(t, s, again)
		if len(s) > 2000 {
			return
		}
		outcome, failure, err := explore.Replay(setup, explore.Options{}, s, nil)
		require.NoError(t, failure, "%s: every interleaving is right", s)
		if err != nil {
			require.ErrorContains(t, err, "does not fit")
			return
		}
		require.NotEmpty(t, outcome)
	})
}
