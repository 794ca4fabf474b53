// Package tiles shows an audit log as C2SP tlog-tiles, so that any client of
// such logs can read and check it. docs/format/audit.md says what is in it of
// a log that has been pruned.
package tiles

import (
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Tiles have 256 hashes, and bundles as many entries.
const (
	height = 8
	width  = 1 << height
)

// entries is the level of entry bundles, as package tlog has it.
const entries = -1

// maxLevel is the highest that a path may name.
const maxLevel = 63

// path is where a tile is, below the prefix.
func path(t tlog.Tile) string {
	rest := strings.TrimPrefix(t.Path(), "tile/"+strconv.Itoa(height)+"/")
	if t.L == entries {
		return "tile/entries/" + strings.TrimPrefix(rest, "data/")
	}
	return "tile/" + rest
}

// parse reads what path wrote, and nothing else.
func parse(p string) (tlog.Tile, bool) {
	rest, ok := strings.CutPrefix(p, "tile/")
	if !ok {
		return tlog.Tile{}, false
	}
	if n, isBundle := strings.CutPrefix(rest, "entries/"); isBundle {
		rest = "data/" + n
	}
	t, err := tlog.ParseTilePath("tile/" + strconv.Itoa(height) + "/" + rest)
	return t, err == nil && t.L <= maxLevel && path(t) == p
}

// covers says whether a tree of some size has all of a tile.
func covers(size int64, t tlog.Tile) bool {
	n := size
	if t.L > 0 {
		n >>= height * t.L
	}
	return t.N <= n>>height && t.N<<height+int64(t.W) <= n
}

// bundle is the one with the entries of a tile of level 0.
func bundle(t tlog.Tile) tlog.Tile { return tlog.Tile{H: height, L: entries, N: t.N, W: t.W} }
