package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
)

// texts are values of one size and which of them have a secret.
type texts struct {
	values  [][]byte
	strings []string
	planted []int // indexes, rising
}

// newTexts makes count values, with a secret in one of share of them, or none.
func newTexts(seed uint64, size, count, share int) (*texts, error) {
	t := &texts{values: corpus.Values(seed+uint64(share), size, count)}
	if share > 0 {
		before := slices.Clone(t.values)
		n, err := corpus.Plant(seed, t.values, share)
		if err != nil {
			return nil, err
		}
		for i, v := range t.values {
			if !bytes.Equal(v, before[i]) {
				t.planted = append(t.planted, i)
			}
		}
		if n == 0 || len(t.planted) != n {
			return nil, fmt.Errorf("%d values have a secret, %d were planted", len(t.planted), n)
		}
	}
	for _, v := range t.values {
		t.strings = append(t.strings, string(v))
	}
	return t, nil
}

// first are the first n values, if the share of those with secrets stays what
// it is.
func (t *texts) first(n int) (*texts, bool) {
	if n >= len(t.values) {
		return t, true
	}
	few, _ := slices.BinarySearch(t.planted, n)
	if few*len(t.values) != n*len(t.planted) {
		return nil, false
	}
	return &texts{t.values[:n], t.strings[:n], t.planted[:few]}, true
}

func (t *texts) bytes() (n int) {
	for _, v := range t.values {
		n += len(v)
	}
	return n
}
