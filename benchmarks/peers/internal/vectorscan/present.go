//go:build vectorscan && cgo

package vectorscan

/*
#cgo LDFLAGS: -lhs
#cgo noescape scan
#cgo nocallback scan
#include <hs/hs.h>
#include <stdlib.h>

typedef struct { unsigned long long to; unsigned int pattern, none; } hit;
typedef struct { hit *hits; int n, cap; } noted;

static int note(unsigned int id, unsigned long long from, unsigned long long to, unsigned int flags, void *ctx) {
	noted *all = ctx;
	if (all->n == all->cap) return 1;
	all->hits[all->n].to = to;
	all->hits[all->n++].pattern = id;
	return 0;
}

// scan returns how many hits there are, or an error, which is below zero.
static int scan(const hs_database_t *db, hs_scratch_t *scratch, const char *text, unsigned int len, hit *hits, int cap) {
	noted all = {hits, 0, cap};
	hs_error_t err = hs_scan(db, text, len, 0, scratch, note, &all);
	return err == HS_SUCCESS ? all.n : err;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// Database is a compiled set of patterns with what one scan at a time needs.
// It is not safe for concurrent use.
type Database struct {
	db      *C.hs_database_t
	scratch *C.hs_scratch_t
}

// Literals makes a database of strings whose ASCII case does not count.
func Literals(literals []string) (*Database, error) {
	set := newSet(literals)
	defer set.free()
	for i := range literals {
		set.flag(i, C.HS_FLAG_CASELESS)
	}
	var db *C.hs_database_t
	var why *C.hs_compile_error_t
	if C.hs_compile_lit_multi(set.texts, set.flags, set.ids, set.lengths, C.uint(len(literals)), C.HS_MODE_BLOCK, nil, &db, &why) != C.HS_SUCCESS {
		return nil, reason(why)
	}
	return ready(db)
}

// Regexps makes a database of regular expressions over bytes. One that the
// library does not take is tried as a filter, then left out.
func Regexps(patterns []string) (*Database, Support, error) {
	const none = ^C.uint(0)
	flags := make([]C.uint, len(patterns))
	for {
		db, at, err := compile(patterns, flags, none)
		switch {
		case err == nil:
			var has Support
			for i, f := range flags {
				switch f {
				case C.HS_FLAG_PREFILTER:
					has.Loose = append(has.Loose, i)
				case none:
					has.Refused = append(has.Refused, i)
				}
			}
			made, err := ready(db)
			return made, has, err
		case at < 0:
			return nil, Support{}, err
		case flags[at] == 0:
			flags[at] = C.HS_FLAG_PREFILTER
		default:
			flags[at] = none
		}
	}
}

// compile compiles the patterns whose flags are not none. On failure it says
// whose fault that is, if it is one pattern's.
func compile(patterns []string, flags []C.uint, none C.uint) (db *C.hs_database_t, at int, err error) {
	var taken []string
	var ids []int
	for i, p := range patterns {
		if flags[i] != none {
			taken, ids = append(taken, p), append(ids, i)
		}
	}
	if len(taken) == 0 {
		return nil, -1, errors.New("vectorscan: none of the patterns is supported")
	}
	set := newSet(taken)
	defer set.free()
	for k, i := range ids {
		set.flag(k, flags[i])
		unsafe.Slice(set.ids, len(taken))[k] = C.uint(i)
	}
	var why *C.hs_compile_error_t
	if C.hs_compile_multi(set.texts, set.flags, set.ids, C.uint(len(taken)), C.HS_MODE_BLOCK, nil, &db, &why) == C.HS_SUCCESS {
		return db, -1, nil
	}
	if at = int(why.expression); at >= 0 {
		at = ids[at]
	}
	return nil, at, reason(why)
}

func ready(db *C.hs_database_t) (*Database, error) {
	d := &Database{db: db}
	if rc := C.hs_alloc_scratch(db, &d.scratch); rc != C.HS_SUCCESS {
		C.hs_free_database(db)
		return nil, fmt.Errorf("vectorscan: making scratch space: error %d", int(rc))
	}
	return d, nil
}

func reason(why *C.hs_compile_error_t) error {
	defer C.hs_free_compile_error(why)
	return fmt.Errorf("vectorscan: pattern %d: %s", int(why.expression), C.GoString(why.message))
}

// Scan notes hits in the room that the slice has, and makes more if that is
// not enough.
func (d *Database) Scan(hits []Hit, text []byte) ([]Hit, error) {
	if len(text) == 0 {
		return hits[:0], nil
	}
	if len(text) > math.MaxInt32 {
		return hits[:0], errors.New("vectorscan: text too long")
	}
	for {
		hits = hits[:cap(hits)]
		if len(hits) == 0 {
			hits = make([]Hit, 64)
		}
		n := C.scan(d.db, d.scratch, (*C.char)(unsafe.Pointer(&text[0])), C.uint(len(text)), (*C.hit)(unsafe.Pointer(&hits[0])), C.int(len(hits)))
		switch {
		case n >= 0:
			return hits[:n], nil
		case n != C.HS_SCAN_TERMINATED:
			return hits[:0], fmt.Errorf("vectorscan: scanning: error %d", int(n))
		}
		hits = make([]Hit, 2*len(hits))
	}
}

// Close frees what C has allocated.
func (d *Database) Close() {
	C.hs_free_scratch(d.scratch)
	C.hs_free_database(d.db)
}

// set is patterns as C wants them, in its own memory.
type set struct {
	n       int
	texts   **C.char
	lengths *C.size_t
	flags   *C.uint
	ids     *C.uint
}

func newSet(texts []string) *set {
	n := C.size_t(len(texts))
	s := &set{
		n:       len(texts),
		texts:   (**C.char)(C.calloc(n+1, C.size_t(unsafe.Sizeof((*C.char)(nil))))),
		lengths: (*C.size_t)(C.calloc(n+1, C.sizeof_size_t)),
		flags:   (*C.uint)(C.calloc(n+1, C.sizeof_uint)),
		ids:     (*C.uint)(C.calloc(n+1, C.sizeof_uint)),
	}
	for i, t := range texts {
		unsafe.Slice(s.texts, s.n)[i] = C.CString(t)
		unsafe.Slice(s.lengths, s.n)[i] = C.size_t(len(t))
		unsafe.Slice(s.ids, s.n)[i] = C.uint(i)
	}
	return s
}

func (s *set) flag(i int, flags C.uint) { unsafe.Slice(s.flags, s.n)[i] = flags }

func (s *set) free() {
	for _, t := range unsafe.Slice(s.texts, s.n) {
		C.free(unsafe.Pointer(t))
	}
	C.free(unsafe.Pointer(s.texts))
	C.free(unsafe.Pointer(s.lengths))
	C.free(unsafe.Pointer(s.flags))
	C.free(unsafe.Pointer(s.ids))
}
