package syntax

// Suggest returns the known word that is nearest to a misspelt word, "" if none is near:
// a third of the letters may differ, plus one, so that short words have suggestions, too.
// Among equally near words it returns the first. It ignores words longer than [MaxName],
// and compares only the first 1,000 known words of a similar length, to bound the time.
func Suggest(word string, known []string) string {
	if len(word) > MaxName {
		return ""
	}
	best, nearest, compared := "", len(word)/3+1, 0
	for _, k := range known {
		if len(k) > MaxName || len(k)-len(word) > nearest || len(word)-len(k) > nearest {
			continue
		}
		if compared++; compared > maxCompared {
			break
		}
		if d := distance(word, k); d < nearest || d == nearest && best == "" {
			best, nearest = k, d
		}
	}
	return best
}

// maxCompared is the maximal number of known words that Suggest computes a distance to.
const maxCompared = 1000

// distance returns the number of letters to insert, delete, replace or swap with their
// neighbour to turn a into b. Neither may be longer than MaxName.
func distance(a, b string) int {
	var rows [3][MaxName + 1]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
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
