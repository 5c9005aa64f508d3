package conform
import ("testing";"os";"fmt";"path/filepath"
"github.com/uffdsim/uffdsim/live"
"github.com/uffdsim/uffdsim/scenario"
"github.com/uffdsim/uffdsim/scenario/syntax"
)
func TestZZ(t *testing.T) {
	k, err := live.Open()
	if err != nil { t.Fatal(err) }
	defer k.Close()
	files, _ := filepath.Glob(os.Getenv("GLOB"))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		file, err := syntax.Parse(filepath.Base(f), text)
		if err != nil { t.Fatal(err) }
		ours, err := scenario.NewSession(file, scenario.Options{Kernel: os.Getenv("K")})
		if err != nil { t.Fatal(err) }
		host, err := k.NewHost()
		if err != nil { t.Fatal(err) }
		theirs, err := scenario.NewSessionOn(host, file)
		if err != nil { t.Fatal(err) }
		same, d, err := Compare(ours, theirs)
		fmt.Println(f, same, err)
		if d != nil { fmt.Println(d) }
		ours.Close(); theirs.Close()
	}
}
