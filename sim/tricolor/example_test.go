package tricolor_test

import (
	"fmt"

	"github.com/gmplab/lab/sim/tricolor"
)

// A black stack takes the only pointer to B. Without the deletion half of the barrier nobody notices.
func Example() {
	c, err := tricolor.Parse(`
object A: B
object B:
stack g1: A nil
gc: scan g1
g1: y = x[0]
g1: x[0] = nil
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range []tricolor.Barrier{tricolor.Hybrid, tricolor.Insertion} {
		film, err := tricolor.Shoot(&c, tricolor.Rules{Barrier: b})
		if err != nil {
			fmt.Println(err)
			return
		}
		steps := film.Steps(tricolor.English)
		fmt.Println(steps[len(steps)-1])
	}
	// Output:
	// Nothing that the program can reach is freed.
	// B is lost. Step 3 (g1: x[0] = nil; A[0]: B → nil) hid it: it was white, and from then on only what was black led to it (g1.y). The deletion half of the barrier would have shaded B at this very write.
}
