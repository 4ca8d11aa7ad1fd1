package calibrate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestIdleLimit(t *testing.T) {
	us := func(gap float64, tries, pulled int) pulls { return pulls{tries, pulled, gap * 1000 * float64(tries)} }
	assert.Equal(t, 30*time.Microsecond, idleLimit([]pulls{us(20, 10, 0), us(40, 10, 10), us(60, 10, 9), us(400, 10, 2)}))
	assert.Equal(t, 10*time.Microsecond, idleLimit([]pulls{us(20, 10, 5), us(40, 10, 10)}), "half of the shortest")
	assert.Equal(t, 500*time.Microsecond, idleLimit([]pulls{us(20, 10, 0), us(40, 10, 4)}))
	assert.Equal(t, 500*time.Microsecond, idleLimit(nil))
}

func TestIdleOdds(t *testing.T) {
	// 2 ms in steps of 100 µs are 20 occasions; if each is taken with odds of 0.1, 0.9^20 = 12 % of the tries fail.
	assert.InDelta(t, 0.1, idleOdds([]pulls{{1000, 878, 95_000 * 1000}}, 0), 0.005)
	assert.Zero(t, idleOdds([]pulls{{10, 5, 20_000 * 10}}, time.Millisecond), "nothing above the limit")
	assert.Less(t, idleOdds([]pulls{{10, 10, 95_000 * 10}}, 0), 1.0, "even if every try ended with a pull")
}
