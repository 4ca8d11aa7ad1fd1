package reference

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCost(t *testing.T) {
	c, err := Cost()
	require.NoError(t, err)
	assert.NotEmpty(t, c.Host.Name)
	assert.Positive(t, c.Cores)
	for _, intra := range []int{1, 2} {
		s := c.Service("mlp", intra, 1)
		require.NotNil(t, s, "the experiments need the model mlp with %d intra-op threads", intra)
		require.Len(t, s.Time, len(s.Batch))
		require.Len(t, s.CPU, len(s.Batch))
		for i := 1; i < len(s.Batch); i++ {
			assert.GreaterOrEqual(t, s.Time[i].Quantile(0.5), s.Time[i-1].Quantile(0.5), "the table of service times is monotone")
		}
	}
}

func TestUnreadableCost(t *testing.T) {
	old := file
	defer func() { file = old }()
	file = []byte(`{"Nonsense": 1}`)
	_, err := Cost()
	assert.ErrorContains(t, err, "gmplab calibrate")
}
