package syntax

// Suggest returns the known word that word was perhaps meant to be, "" if none is
// near: a third of its letters may be wrong, and one more, so that short words have a
// neighbour, too. Among words equally near it is the first.
func Suggest(word string, known []string) string {
	best, nearest := "", len(word)/3+1
	for _, k := range known {
		if d := distance(word, k, nearest); d < nearest || d == nearest && best == "" {
			best, nearest = k, d
		}
	}
	return best
}

// distance is the number of letters to insert, delete, replace or swap with their
// neighbour in order to make b of a; anything above limit may be limit+1.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
