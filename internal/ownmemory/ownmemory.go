// Package ownmemory keeps what a process has in its memory from being written
// to a disk behind its back: as a core dump, or as swap.
//
// NoDump is for the whole process and comes before anything is read. Lock is
// for keys, which live long; telemetry, and what cryptography works with while
// it works, is not locked.
package ownmemory

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"
)

// maxVisited bounds what one call of Lock follows: keys are small, and what is
// larger is something else that was passed by mistake.
const maxVisited = 10_000

var errTooMuch = errors.New("this is more than a key")

// Lock keeps the memory that values lead to from being swapped out: what their
// pointers, slices, strings, structs and interfaces have, unexported fields
// included. It does not look into functions, maps and channels. The collector
// of garbage moves nothing, so this holds as long as the values live, and for
// whatever comes to lie on the same pages after them.
//
// An error says that the system does not allow it (RLIMIT_MEMLOCK,
// CAP_IPC_LOCK), or cannot: the values can be used all the same.
func Lock(values ...any) error {
	w := walk{seen: map[place]bool{}}
	for _, v := range values {
		w.value(reflect.ValueOf(v))
	}
	if len(w.seen) > maxVisited {
		return errTooMuch
	}
	for _, b := range w.found {
		if err := lock(b); err != nil {
			return fmt.Errorf("locking keys in memory: %w", err)
		}
	}
	return nil
}

// place is a value at an address; a struct and its first field share theirs.
type place struct {
	at unsafe.Pointer
	as reflect.Type
}

// walk collects the memory that values lead to.
type walk struct {
	seen  map[place]bool
	found [][]byte
}

// add notes size bytes at p, and says whether they are new.
func (w *walk) add(p unsafe.Pointer, size uintptr, as reflect.Type) bool {
	at := place{p, as}
	if p == nil || size == 0 || w.seen[at] || len(w.seen) > maxVisited {
		return false
	}
	w.seen[at] = true
	w.found = append(w.found, unsafe.Slice((*byte)(p), size))
	return true
}

func (w *walk) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if w.add(v.UnsafePointer(), v.Type().Elem().Size(), v.Type()) {
			w.value(v.Elem())
		}
	case reflect.Slice:
		if w.add(v.UnsafePointer(), uintptr(v.Len())*v.Type().Elem().Size(), v.Type()) {
			w.elements(v)
		}
	case reflect.String:
		s := v.String()
		w.add(unsafe.Pointer(unsafe.StringData(s)), uintptr(len(s)), v.Type())
	case reflect.Interface:
		if !v.IsNil() {
			w.value(v.Elem())
		}
	case reflect.Array:
		w.elements(v)
	case reflect.Struct:
		for i := range v.NumField() {
			w.value(v.Field(i))
		}
	}
}

// elements goes through a slice or an array, if its elements can lead anywhere.
func (w *walk) elements(v reflect.Value) {
	switch v.Type().Elem().Kind() {
	case reflect.Pointer, reflect.Slice, reflect.String, reflect.Interface, reflect.Array, reflect.Struct:
		for i := range v.Len() {
			w.value(v.Index(i))
		}
	}
}
