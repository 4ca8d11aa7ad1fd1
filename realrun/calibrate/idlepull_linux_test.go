package calibrate

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIdleLimit(t *testing.T) {
	us := func(gap float64, tries, pulled int) pulls { return pulls{tries, pulled, gap * 1000 * float64(tries)} }
	assert.EqualValues(t, 30e3, idleLimit([]pulls{us(20, 10, 0), us(40, 10, 10), us(60, 10, 9), us(400, 10, 6)}))
	assert.EqualValues(t, 50e3, idleLimit([]pulls{us(20, 3, 0), us(30, 3, 2), us(40, 3, 0), us(60, 3, 3)}), "one length out of line")
	assert.EqualValues(t, 10e3, idleLimit([]pulls{us(20, 10, 6), us(40, 10, 10)}), "half of the shortest")
	assert.EqualValues(t, 500e3, idleLimit([]pulls{us(20, 10, 0), us(40, 10, 4)}), "none did")
	assert.Zero(t, idleLimit(nil))
}

func TestIdleOdds(t *testing.T) {
	// 2 ms in steps of 100 µs are 20 occasions; if each is taken with odds of 0.1, 0.9^20 = 12 % of the tries fail.
	odds, ok := idleOdds([]pulls{{1000, 878, 95_000 * 1000}}, 0)
	assert.True(t, ok)
	assert.InDelta(t, 0.1, odds, 0.005)
	_, ok = idleOdds([]pulls{{10, 5, 20_000 * 10}}, 1e6)
	assert.False(t, ok, "nothing above the limit")
	odds, _ = idleOdds([]pulls{{10, 10, 95_000 * 10}}, 0)
	assert.Less(t, odds, 1.0, "even if every try ended with a pull")
}
