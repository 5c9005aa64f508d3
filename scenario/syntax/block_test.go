package syntax

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// matchSlowly is the definition of MatchBlock.
func matchSlowly(want, got []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if strings.TrimSpace(want[0]) == wildcard {
		return matchSlowly(want[1:], got) || len(got) > 0 && matchSlowly(want, got[1:])
	}
	return len(got) > 0 && Match(want[0], got[0]) && matchSlowly(want[1:], got[1:])
}

func TestMatchBlockAgainstItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "a ...", "... b", "..."}), 0, 8).Draw(t, "want")
		got := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "a b"}), 0, 9).Draw(t, "got")
		require.Equal(t, matchSlowly(want, got), MatchBlock(want, got))
	})
}

// nearMiss returns a block of n lines, and an expected block that does not match it: all
// lines of its part except the last occur in about n/2 places.
func nearMiss(n int) (want, got []string) {
	got = slices.Repeat([]string{"a"}, n)
	want = append([]string{wildcard}, got[:n/2]...)
	return append(want, "b", wildcard), got
}

// The number of comparisons is linear in the number of lines.
func TestOccurrencesCompareEachLineTwice(t *testing.T) {
	for _, n := range []int{100, 1000, 10_000} {
		want, got := nearMiss(n)
		compared := 0
		for range occurrences(want[1:len(want)-1], got, func(a, b string) bool {
			compared++
			return a == b
		}) {
			t.Fatal("the last line differs")
		}
		require.LessOrEqual(t, compared, 2*(len(want)+n))
	}
}

// The number of allocations is linear in the number of lines.
func TestMatchBlockAllocations(t *testing.T) {
	per := func(n int) float64 {
		want, got := nearMiss(n)
		return testing.AllocsPerRun(1, func() {
			if MatchBlock(want, got) {
				t.Fatal("the last line differs")
			}
		}) / float64(n)
	}
	require.LessOrEqual(t, per(4000), 1.2*per(1000))
}

func BenchmarkMatchBlock(b *testing.B) {
	for _, n := range []int{2500, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			want, got := nearMiss(n)
			for b.Loop() {
				MatchBlock(want, got)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/line")
		})
	}
}
