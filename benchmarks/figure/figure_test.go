package figure

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReadsWhatItWrote(t *testing.T) {
	all := append(Waits("t", "a row", []time.Duration{3 * time.Millisecond, time.Millisecond, 2 * time.Millisecond}),
		Figure{Table: "u", Row: "r", Col: "c", Unit: "items/s", Value: 1.5})
	var b bytes.Buffer
	require.NoError(t, Write(&b, all))
	back, err := Read(&b)
	require.NoError(t, err)
	require.Equal(t, all, back)
	require.InDelta(t, 2, back[0].Value, 1e-9)
	require.InDelta(t, 3, back[1].Value, 1e-9)
	_, err = Read(bytes.NewBufferString("no figure\n"))
	require.Error(t, err)
}

func TestQuantile(t *testing.T) {
	require.Zero(t, Quantile([]float64(nil), 0.5))
	all := []float64{4, 1, 3, 2}
	require.InDelta(t, 3, Quantile(all, 0.5), 0)
	require.InDelta(t, 1, Quantile(all, 0), 0)
	require.InDelta(t, 4, Quantile(all, 1), 0)
}
