package corpus

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/internal/corpus"
)

// seeds are the fills that the promise is tested with.
var seeds = []uint64{1, 20260901, 0xfeedface}

// masker masks the payload of a case (OTLP/JSON).
type masker func(c corpus.Case, payload []byte) ([]byte, error)

// broken lists what of the promise a masker does not keep, over all cases of a seed.
func broken(loaded *corpus.Corpus, seed uint64, mask masker) (faults []string, total corpus.Result, err error) {
	cases, err := loaded.Fill(seed)
	if err != nil {
		return nil, total, err
	}
	for _, c := range cases {
		masked, err := mask(c, c.Payload)
		if err != nil {
			return nil, total, fmt.Errorf("masking %s: %w", c.Name, err)
		}
		again, err := mask(c, masked)
		if err != nil {
			return nil, total, fmt.Errorf("masking %s twice: %w", c.Name, err)
		}
		// Without the stamp, which says what this run has found.
		once, _ := corpus.Texts(masked)
		twice, _ := corpus.Texts(again)
		if !maps.Equal(once, twice) {
			faults = append(faults, c.Name+": masking twice changes something")
		}
		r := corpus.Score(c, masked)
		if n := r.CleanChanged + r.DecoysDestroyed; len(c.Secrets) == 0 && n > 0 {
			faults = append(faults, fmt.Sprintf("%s: %d changes in a clean file", c.Name, n))
		}
		total.Add(r)
	}
	return append(faults, total.Faults()...), total, nil
}

func load(t *testing.T) *corpus.Corpus {
	t.Helper()
	loaded, err := corpus.Load(os.DirFS("../../testdata/corpus"))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// The check itself accepts an ideal masker and finds what others do wrong.
func TestCheckFindsFaults(t *testing.T) {
	ideal := func(c corpus.Case, _ []byte) ([]byte, error) { return c.Ideal, nil }
	for _, x := range []struct {
		name string
		mask masker
		want string // empty: no fault
	}{
		{"ideal", ideal, ""},
		{"nothing masked", func(_ corpus.Case, b []byte) ([]byte, error) { return b, nil }, "easy occurrences leaked"},
		{"masks masked again", func(c corpus.Case, b []byte) ([]byte, error) {
			if bytes.Equal(b, c.Payload) {
				return c.Ideal, nil
			}
			return bytes.ReplaceAll(b, []byte("[MASKED:known:"), []byte("[MASKED:mask:")), nil
		}, "masking twice"},
		{"a word masked", func(c corpus.Case, _ []byte) ([]byte, error) {
			return bytes.ReplaceAll(c.Ideal, []byte("deployment"), []byte("[MASKED:word:12345678]")), nil
		}, "in a clean file"},
		{"what is hard left", func(c corpus.Case, _ []byte) ([]byte, error) {
			if slices.ContainsFunc(c.Rows, func(r corpus.Row) bool { return r.Difficulty == "easy" }) {
				return c.Ideal, nil
			}
			return c.Payload, nil
		}, "in a thousand"},
		{"digests masked", func(c corpus.Case, _ []byte) ([]byte, error) {
			return bytes.ReplaceAll(c.Ideal, []byte("sha256:"), []byte("sha-256:")), nil
		}, "look-alikes destroyed"},
		{"a quote lost", func(c corpus.Case, _ []byte) ([]byte, error) {
			return bytes.ReplaceAll(c.Ideal, []byte(`{\"type\":`), []byte(`{type\":`)), nil
		}, "broken JSON"},
		{"a payload cut off", func(c corpus.Case, _ []byte) ([]byte, error) { return c.Ideal[:len(c.Ideal)/2], nil }, "unreadable"},
	} {
		t.Run(x.name, func(t *testing.T) {
			faults, _, err := broken(load(t), 5, x.mask)
			if err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(faults, "\n"); x.want == "" && all != "" || !strings.Contains(all, x.want) {
				t.Errorf("faults: %s\nwant: %s", all, x.want)
			}
		})
	}
}
