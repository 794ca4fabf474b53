// Package instances keeps what the components of one id have together. The
// Collector makes one component for each signal and pipeline, and gives all
// those of one id the same *Config.
package instances

import "sync"

// Table has the values in use, by configuration. The zero Table is empty.
type Table[K comparable, V any] struct {
	mu   sync.Mutex
	uses map[K]*use[V]
}

type use[V any] struct {
	value V
	users int
}

// Acquire returns the value of a key, which create makes at the first call.
// Without an error Release must follow, once.
func (t *Table[K, V]) Acquire(key K, create func() (V, error)) (V, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.uses[key]
	if u == nil {
		value, err := create()
		if err != nil {
			return value, err
		}
		if t.uses == nil {
			t.uses = map[K]*use[V]{}
		}
		u = &use[V]{value: value}
		t.uses[key] = u
	}
	u.users++
	return u.value, nil
}

// Release gives the value of a key back. With the last user it is gone and end
// is called; nothing is acquired before end returns.
func (t *Table[K, V]) Release(key K, end func(V) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.uses[key]
	if u.users--; u.users > 0 {
		return nil
	}
	delete(t.uses, key)
	return end(u.value)
}

// Users is how many have acquired the value of a key and not released it.
func (t *Table[K, V]) Users(key K) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if u := t.uses[key]; u != nil {
		return u.users
	}
	return 0
}
